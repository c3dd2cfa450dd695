"""The pixels along one axis of the box of a Gaussian, in a Triton kernel."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def first(mean, reach, size):
    """The first of `size` pixels within `reach` of a mean."""
    # Clamped before it becomes an integer, which infinity cannot.
    return tl.ceil(tl.minimum(tl.maximum(mean - reach, 0.0), size)).to(tl.int32)


@triton.jit
def last(mean, reach, size):
    """The last of `size` pixels within `reach` of a mean."""
    return tl.floor(tl.minimum(tl.maximum(mean + reach, -1.0), size - 1)).to(tl.int32)
