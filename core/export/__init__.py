"""A run in other forms: a plain script, a notebook, figures, a report, a line."""
