"""For every binding the story of its key: what is seen after it."""
