"""The engine against the lectures' plain loop, and the explorer against the engine.

Run from the repository's root: `python -m tests.bench --json FILE`, or `make bench`.
"""
