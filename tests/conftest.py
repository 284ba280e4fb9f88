"""What every test may count on, however the tests were started."""

from __future__ import annotations

import signal

pytest_plugins = ["tests.postgres"]


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT ignored, and processes of the tests would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
