"""What keeps a store in order over the years: retention, checks, backups, upgrades, and moving house."""
