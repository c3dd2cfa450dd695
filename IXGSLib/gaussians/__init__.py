"""The cloud of radiative Gaussians, how it starts and how it grows."""

from .cloud import Cloud

__all__ = ["Cloud"]
