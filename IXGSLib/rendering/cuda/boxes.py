"""The pixels along one axis of the box of a Gaussian, in a Triton kernel."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def first(mean, radius, size):
    """The first of `size` pixels within `radius` of a mean."""
    # Clamped before it becomes an integer, which infinity cannot.
    return tl.ceil(tl.minimum(tl.maximum(mean - radius, 0.0), size)).to(tl.int32)


@triton.jit
def last(mean, radius, size):
    """The last of `size` pixels within `radius` of a mean."""
    return tl.floor(tl.minimum(tl.maximum(mean + radius, -1.0), size - 1)).to(tl.int32)
