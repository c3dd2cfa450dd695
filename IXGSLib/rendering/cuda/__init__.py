"""The renderer on a GPU: additive Triton kernels behind torch's automatic differentiation."""
