"""Arrays in files of NumPy, none of which may be larger than a calibration."""

from __future__ import annotations

import io
import math
import zipfile
from typing import BinaryIO

import numpy as np

from ...errors import FormatError, IXGSError

MAX_ARRAY_BYTES = 2**26
"""Most bytes of all arrays of a file together, after decompression."""


def numpy_array(data: bytes, name: str) -> np.ndarray:
    """The array of a .npy file; raises FormatError for anything but numbers."""
    try:
        array = _array(io.BytesIO(data), len(data))
    except IXGSError:
        raise
    except Exception as error:  # NumPy parses headers with Python's own tokenizer
        raise FormatError(
            f"{name}: no NumPy array of numbers, or truncated; save the numbers again with numpy.save"
        ) from error
    if array.dtype.kind not in "iuf":
        raise FormatError(f"{name}: does not hold numbers; save them with numpy.save")
    return array


def numpy_arrays(data: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of a .npz file by name; raises FormatError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = file.infolist()
            if sum(member.file_size for member in members) > MAX_ARRAY_BYTES:
                raise FormatError(f"{name}: more than {MAX_ARRAY_BYTES} bytes of arrays; save the calibration alone")
            found = {}
            for member in members:
                with file.open(member) as stream:
                    found[member.filename.removesuffix(".npy")] = _array(stream, member.file_size)  # type: ignore[arg-type]
            return found
    except IXGSError:
        raise
    except Exception as error:  # as for a single array, and whatever damaged archives lead to
        raise FormatError(
            f"{name}: a ZIP file without NumPy arrays of numbers, or truncated; save them with numpy.savez"
        ) from error


def _array(stream: BinaryIO, size: int) -> np.ndarray:
    """The array in a stream of `size` bytes, once its header promises no more; raises ValueError."""
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"version {version}")
    shape, is_fortran, dtype = read_header(stream)
    if dtype.hasobject or dtype.itemsize == 0 or any(side < 0 for side in shape):
        raise ValueError("no numbers")
    count = math.prod(shape)
    if count * dtype.itemsize > size:
        raise ValueError(f"{size} bytes for {shape}")
    values = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
    return values.reshape(shape[::-1]).T.copy() if is_fortran else values.reshape(shape).copy()
