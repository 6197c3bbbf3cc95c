"""Training: minibatches, gradients, optimizers, trainers, and the losses they record."""
