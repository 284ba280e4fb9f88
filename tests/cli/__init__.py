"""Commands as subprocesses; the demo; the sample trees."""
