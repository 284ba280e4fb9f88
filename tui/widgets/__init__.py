"""Widgets, one per file; none of them knows the store."""
