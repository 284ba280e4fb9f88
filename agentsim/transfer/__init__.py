"""The copy engine for pairs of places of which at least one is no directory of this machine.

Two directories are ``agentsim.engine``'s: it works on descriptors and processes. Here everything goes through
:class:`agentsim.places.place.Place`, by threads, since what takes the time is a server's answer.
"""
