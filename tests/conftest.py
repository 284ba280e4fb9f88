"""What every test may count on, however the tests were started."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.postgres"]


# An example that takes long on a busy machine is no counter-example.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT ignored, and processes of the tests would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
