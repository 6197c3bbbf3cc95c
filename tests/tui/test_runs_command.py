"""The commands `runs`, `replay` and `train --resume`, and the pruning of a directory of runs."""
