"""Training of the networks: making pairs and series, batches, losses, checkpoints and validation."""
