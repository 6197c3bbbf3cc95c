"""Datasets: reading, encoding and splitting text, and the contexts that occur in it."""
