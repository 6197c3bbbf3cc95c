"""The one error a person is meant to read."""


class UserError(ValueError):
    """Bad input. The message is one sentence: what was wrong, where, and what would be right."""
