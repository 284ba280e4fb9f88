"""Storage adapters: one small interface, and behind it a directory, an SMB share, a blob container or a bucket."""
