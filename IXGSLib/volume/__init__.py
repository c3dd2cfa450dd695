"""Attenuation on a voxel grid, its files and its bone surface."""

from .volume import Volume

__all__ = ["Volume"]
