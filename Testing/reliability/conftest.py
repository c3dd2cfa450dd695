from Testing.cli.conftest import case, edit, fake, intensities, ixgs, simulated

__all__ = ["case", "edit", "fake", "intensities", "ixgs", "simulated"]
