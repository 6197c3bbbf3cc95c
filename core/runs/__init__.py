"""The state of a run, and runs on disk."""
