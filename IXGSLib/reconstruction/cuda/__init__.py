"""Triton kernels for the computations of an optimisation other than rendering; each replaces many torch launches."""
