"""Work that the panel hands to a child process, each a module to run with `python -m`."""
