"""A run in other forms: a script, a notebook, data, figures, a page."""
