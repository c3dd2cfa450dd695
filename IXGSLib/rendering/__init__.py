"""A cloud's line integrals in a view and its attenuation on a grid, both differentiable."""

from .backends import project, voxelize

__all__ = ["project", "voxelize"]
