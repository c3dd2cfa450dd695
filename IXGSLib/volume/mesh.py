"""Triangle meshes and their files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FormatError, GeometryError
from ..files import write_atomically
from ..geometry.rigid import Array

SPACE = "SPACE=LPS"
"""The coordinate system in the header of a mesh file, in 3D Slicer's notation."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh.

    vertices: (n, 3) float64, LPS mm, finite.
    faces: (m, 3) int, indices of vertices, counter-clockwise seen from outside.
    Raises GeometryError for values that do not describe a mesh.
    """

    vertices: Array
    faces: np.ndarray

    def __post_init__(self) -> None:
        vertices = np.array(self.vertices, dtype=np.float64)
        faces = np.array(self.faces, dtype=np.int64)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.isfinite(vertices).all():
            raise GeometryError(f"mesh vertices have shape {vertices.shape}, expected (n, 3) finite numbers")
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise GeometryError(f"mesh faces have shape {faces.shape}, expected (m, 3)")
        if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise GeometryError(f"mesh faces refer to vertices outside 0 to {len(vertices) - 1}; export the mesh again")
        for name, array in (("vertices", vertices), ("faces", faces)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def normals(self) -> Array:
        """(m, 3) outward normals whose length is twice the area of the triangle, mm^2."""
        a, b, c = (self.vertices[self.faces[:, n]] for n in range(3))
        return np.cross(b - a, c - a)

    @property
    def volume(self) -> float:
        """mm^3 enclosed by a closed surface, by the divergence theorem."""
        if not len(self.faces):
            return 0.0
        center = self.vertices.mean(axis=0)
        return float(np.sum((self.vertices[self.faces[:, 0]] - center) * self.normals) / 6)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mesh as binary STL or PLY, by its suffix, atomically; float32, LPS mm.

        Raises FormatError for another suffix, IXGSError when the file cannot be written.
        """
        writers = {".stl": stl_bytes, ".ply": ply_bytes}
        suffix = Path(path).suffix.lower()
        if suffix not in writers:
            raise FormatError(f"{path}: meshes are written as STL or PLY; give a name that ends in .stl or .ply")
        write_atomically(path, writers[suffix](self))


def stl_bytes(mesh: Mesh) -> bytes:
    """The mesh as a binary STL file."""
    triangles = np.zeros(len(mesh.faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
    lengths = np.linalg.norm(mesh.normals, axis=1, keepdims=True)
    triangles["normal"] = np.divide(mesh.normals, lengths, out=np.zeros_like(mesh.normals), where=lengths > 0)
    triangles["corners"] = mesh.vertices[mesh.faces]
    header = f"IXGS bone surface; {SPACE}; mm; research use only".encode("ascii").ljust(80)
    return header + np.uint32(len(triangles)).astype("<u4").tobytes() + triangles.tobytes()


def ply_bytes(mesh: Mesh) -> bytes:
    """The mesh as a binary little-endian PLY file."""
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment IXGS bone surface\ncomment {SPACE}\ncomment unit mm\n"
        "comment Research use only. Not a medical device.\n"
        f"element vertex {len(mesh.vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(mesh.faces), dtype=[("count", "u1"), ("vertices", "<i4", 3)])
    faces["count"] = 3
    faces["vertices"] = mesh.faces
    return header.encode("ascii") + mesh.vertices.astype("<f4").tobytes() + faces.tobytes()
