"""The copy engine: what one worker process does to move one tree into another.

Standard library only, plus the words of ``store.vocabulary`` and ``store.codes``.
"""
