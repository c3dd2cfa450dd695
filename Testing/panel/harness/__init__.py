"""A stand-in for the desktop of 3D Slicer: PySide6 that behaves like PythonQt, with the real MRML of slicer-core."""
