"""A file system that lies on demand: a passthrough to a real directory with faults that a test chooses.

``FaultFs`` (``tests.faultfs.mount``) mounts one for a test; ``python -m tests.faultfs`` is its process.
"""
