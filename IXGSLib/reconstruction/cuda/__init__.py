"""What an optimisation computes beside renders, on a GPU: Triton kernels, each in place of many launches of torch."""
