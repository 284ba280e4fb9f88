"""The simulated fleet: the agents' and the admins' real calls to a store, without any data.

``scenario`` writes a story from a seed; ``admin`` and ``fleet_agent`` play it by the calls that a screen
and an agent make; ``stage`` lets it happen, in real time or on a virtual clock; ``history`` is what
happened before.
"""
