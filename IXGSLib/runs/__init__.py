"""A run: its request, folder, lock, progress, provenance and the process that does it."""
