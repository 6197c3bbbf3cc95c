"""Figures as rows of cells: values in, rows out."""
