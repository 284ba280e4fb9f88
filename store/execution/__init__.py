"""What agents call: trust, heartbeats, claims and reports. Agents always call the store, never the reverse."""
