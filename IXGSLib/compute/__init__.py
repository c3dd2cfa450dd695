"""What every compiled kernel stands on: threads, vector lanes, the kernel cache and memory."""
