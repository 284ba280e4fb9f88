"""Pure functions from rows to cells: no Textual import in here."""
