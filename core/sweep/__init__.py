"""Studies over settings, on Optuna: `messages`, `ranges` and `files` import neither it nor torch."""
