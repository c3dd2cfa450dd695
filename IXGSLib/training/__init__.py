"""Training of the standardisation network: making pairs, batches, losses, checkpoints and validation."""
