"""Numbers on a lattice in NRRD and MetaImage files, read with bounds on every length that a header states."""
