"""What takes several steps on the screen: read, ask, command, say. One flow a file, none of them a rule.

A flow gets the screen it was asked for on. It runs in the background, reads with ``screen.read``, asks with
``screen.app.push_screen_wait``, writes with ``screen.command``, and says what happened with ``screen.say``.
"""
