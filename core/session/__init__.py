"""A run that can be trained, edited, undone, looked at and saved; and its replay."""
