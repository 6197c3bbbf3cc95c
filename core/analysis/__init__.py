"""What is read off a model, a trainer or a dataset, without changing it."""
