"""The service: what exists, what may happen, and what changed.

Importing this package imports nothing else, so that a worker or the first frame of the
screen can use its light modules (``vocabulary``, ``codes``, ``display``, ``errors``,
``reader``, ``queries``) without paying for SQLAlchemy.
"""

__version__ = "0.1.0"
