"""The control room: the terminal screen and its command-line twin."""
