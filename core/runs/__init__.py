"""The state of a run; runs on disk: one file each, listed, locked, removed."""
