"""``store check``: the named invariants of a store, looked at one by one without changing anything."""
