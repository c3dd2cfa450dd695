"""The cloud as a PLY file with the property names of 3D Gaussian splatting."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from ..errors import FormatError, NotAnImage, TruncatedFile
from ..files import write_atomically
from ..parsing import MAX_IMAGE_BYTES, parsing, read_file
from .cloud import Cloud

POSITION = ("x", "y", "z")
SCALE = ("scale_0", "scale_1", "scale_2")
ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
PROPERTIES = (
    *POSITION,
    *("nx", "ny", "nz"),
    *("f_dc_0", "f_dc_1", "f_dc_2"),
    "opacity",
    *SCALE,
    *ROTATION,
    "density",
)
"""As Kerbl et al. (SIGGRAPH 2023) name and order them, then the attenuation at the centre, 1/mm."""
REQUIRED = (*POSITION, *SCALE, *ROTATION, "density")
MAX_HEADER_BYTES = 2**16


def save_ply(cloud: Cloud, path: str | os.PathLike[str]) -> None:
    """Write the cloud atomically: float32, LPS, scales as the logarithm of mm, quaternions wxyz.

    Colour and opacity are for viewers only: white, and the opacity is the absorption along a ray through the centre.
    Raises FormatError when a value is not finite or a scale not positive.
    """
    columns = _columns(cloud)
    table = np.zeros(len(cloud), dtype=[(name, "<f4") for name in PROPERTIES])
    for name, values in columns.items():
        table[name] = values
        if not np.isfinite(table[name]).all():
            raise FormatError(f"{path}: {name} of the cloud is not finite everywhere; check the reconstruction")
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment IXGS radiative Gaussians, SPACE=LPS, mm, density in 1/mm",
        "comment Research use only. Not a medical device.",
        f"element vertex {len(cloud)}",
        *(f"property float {name}" for name in PROPERTIES),
        "end_header\n",
    ]
    write_atomically(path, "\n".join(header).encode("ascii") + table.tobytes())


def load_ply(path: str | os.PathLike[str]) -> Cloud:
    """The cloud in a PLY file, float32 on the CPU.

    Raises NotAnImage for another kind of file, TruncatedFile, FormatError when a property is missing or not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FormatError(f"{path}: no such file; check the name")
    data = read_file(path, MAX_IMAGE_BYTES)
    with parsing(str(path)):
        count, names, start = _header(path, data)
    expected = start + 4 * len(names) * count
    if len(data) < expected:
        raise TruncatedFile(f"{path}: {len(data)} bytes, expected {expected}; copy or export it again")
    if len(data) > expected:
        raise FormatError(f"{path}: {len(data)} bytes, expected {expected}; use a file that IXGS wrote")
    table = np.frombuffer(data, dtype=[(name, "<f4") for name in names], offset=start)
    for name in REQUIRED:
        if not np.isfinite(table[name]).all():
            raise FormatError(f"{path}: {name} is NaN or infinite in places, expected finite numbers; export it again")
    return Cloud(
        position=_tensor(table, POSITION),
        scale=_tensor(table, SCALE).exp(),
        rotation=_tensor(table, ROTATION),
        density=_tensor(table, ("density",))[:, 0],
    )


def _columns(cloud: Cloud) -> dict[str, np.ndarray]:
    position, scale, rotation, density = (
        tensor.detach().double().cpu().numpy()
        for tensor in (cloud.position, cloud.scale, cloud.rotation, cloud.density)
    )
    thickness = np.sqrt(2 * np.pi) * scale.mean(axis=1)
    absorbed = np.clip(1 - np.exp(-np.clip(density, 0, None) * thickness), 1e-4, 1 - 1e-4)
    columns = {"opacity": np.log(absorbed / (1 - absorbed)), "density": density}
    with np.errstate(divide="ignore", invalid="ignore"):
        columns |= {name: np.log(scale[:, n]) for n, name in enumerate(SCALE)}
    columns |= {name: position[:, n] for n, name in enumerate(POSITION)}
    columns |= {name: rotation[:, n] for n, name in enumerate(ROTATION)}
    # The spherical harmonic of order 0 that viewers turn into 0.5 + 0.282 f_dc = 1.
    return columns | {f"f_dc_{n}": np.full(len(cloud), 0.5 / 0.28209479177387814) for n in range(3)}


def _header(path: Path, data: bytes) -> tuple[int, list[str], int]:
    """The number of Gaussians, the names of their float properties and where the numbers start."""
    if not data.startswith((b"ply\n", b"ply\r\n")):
        raise NotAnImage(f"{path}: starts with {data[:8]!r}, expected a PLY file with Gaussians")
    marker = data.find(b"end_header", 0, MAX_HEADER_BYTES)
    end = data.find(b"\n", marker) + 1
    if marker < 0 or end == 0:
        raise TruncatedFile(f"{path}: its PLY header does not end; copy or export it again")
    lines = [line.split() for line in data[:marker].decode("ascii", "replace").splitlines()]
    lines = [line for line in lines if line and line[0] in ("format", "element", "property")]
    if lines[:1] != [["format", "binary_little_endian", "1.0"]]:
        raise FormatError(f"{path}: a PLY file of another format, expected binary_little_endian 1.0; convert it")
    elements = [line for line in lines if line[0] == "element"]
    if len(elements) != 1 or elements[0][1:2] != ["vertex"] or not elements[0][-1].isdecimal():
        raise FormatError(f"{path}: is a mesh or another kind of PLY file, expected Gaussians as its only element")
    properties = [line for line in lines if line[0] == "property"]
    names = [line[-1] for line in properties]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise FormatError(
            f"{path}: has no property {', '.join(missing)}, expected Gaussians with attenuation; "
            "clouds of photographs have none: use a cloud that IXGS wrote"
        )
    floats = all(len(line) == 3 and line[1] in ("float", "float32") for line in properties)
    if not floats or len(set(names)) < len(names):
        raise FormatError(f"{path}: its properties are not all floats with distinct names; use a cloud that IXGS wrote")
    return int(elements[0][-1]), names, end


def _tensor(table: np.ndarray, names: tuple[str, ...]) -> torch.Tensor:
    return torch.from_numpy(np.stack([table[name].astype(np.float32) for name in names], axis=1))
