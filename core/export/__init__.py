"""A run in other forms: a script, a notebook, figures, a page."""
