"""``longshore demo``: a throwaway store with a past, sample trees on disk, and two real agents."""
