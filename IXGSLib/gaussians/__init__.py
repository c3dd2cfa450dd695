"""The cloud of radiative Gaussians, and how it starts."""

from .cloud import Cloud

__all__ = ["Cloud"]
