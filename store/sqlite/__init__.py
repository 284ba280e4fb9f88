"""The embedded store: one SQLite file, and all that is particular to it."""
