"""What screens and command lines read: named statements, each with a sentence, answering plain rows.

Standard library only. Every list is a keyset window: no offset, no "all", and no statement whose
cost grows with history.
"""
