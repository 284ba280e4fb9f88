"""What each list of the screens is made of: its query, its rows, its orders. One file a list."""
