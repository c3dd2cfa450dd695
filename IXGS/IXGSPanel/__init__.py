"""The panel of the module IXGS: one class for each section, and child processes for everything that takes long."""
