"""The command line: every verb of DESIGN §8 calls a store operation and says what came of it."""
