"""The built-in datasets: plain text files, one item a line (see SOURCES.md)."""
