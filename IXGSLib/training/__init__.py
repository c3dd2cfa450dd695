"""Training of the networks: pairs of X-ray and target, batches, losses, checkpoints and validation."""
