"""The local agent: registration, heartbeat, claiming, and the copy engine."""
