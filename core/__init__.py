"""The engine: datasets, models, training, evaluation, sampling. It imports no screen library."""

import warnings

# Torch warns on import when NumPy is absent; nothing here uses NumPy.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
