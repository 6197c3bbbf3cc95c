"""Studies over settings, on Optuna; clients import `messages`, `ranges` and `files` alone."""
