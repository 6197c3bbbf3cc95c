"""Themes, colours, text rows and bars."""
