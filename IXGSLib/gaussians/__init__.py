"""The cloud of radiative Gaussians, its initialisation and its files."""

from .cloud import Cloud

__all__ = ["Cloud"]
