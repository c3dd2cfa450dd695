"""What compiled kernels need: threads, vector lanes, the kernel cache, and the memory of a GPU."""
