"""The models: n-gram counts, the one-layer network, the MLP; and models of another size."""
