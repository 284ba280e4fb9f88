"""Alembic's environment and revisions, shipped in the package."""
