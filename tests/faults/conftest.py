"""Faults: a few of each kind in `make test`, the long counts in `make faults`."""

import os

import pytest


@pytest.fixture
def many():
    """Chooses how often: many(short, long). MAKEMORE_TUI_FAULTS=long takes the long count."""
    return lambda short, long: long if os.environ.get("MAKEMORE_TUI_FAULTS") == "long" else short
