"""The panel of the module IXGS: one class per section, the reconstruction in a process of its own."""
