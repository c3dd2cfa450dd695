"""The volume of a run on disk, loaded into a scene."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import FormatError, GeometryError, IXGSError
from ..geometry import Grid
from ..steps import Steps, result_of
from .volumes import place_volume

CASE, PRESET, VERSION = "IXGS.Case", "IXGS.Preset", "IXGS.Version"
"""Attributes of the volume node of a run."""
RUN_FOLDER = "IXGS.Run"
"""Attribute of the volume node of a run: the path of its folder."""
VOLUME = "volume.nrrd"
PIECE_BYTES = 2**22
"""Bytes that are hashed in one step, which takes a few milliseconds."""

Content = tuple[Any, Grid]
"""The voxels of a volume as a vtkImageData, and their grid."""


def load_run(scene: Any, folder: str | os.PathLike[str], name: str | None = None, node: Any = None) -> Any:
    """The volume of a finished run as a vtkMRMLScalarVolumeNode at its position in the patient.

    name: by default that of the case. node: a volume node to overwrite instead of adding one.
    Raises IXGSError for a folder without done.json, because its run is not finished, and what the readers raise.
    """
    return place_run(scene, folder, result_of(run_steps(folder)), name, node)


def load_preview(scene: Any, path: str | os.PathLike[str], name: str = "IXGS preview", node: Any = None) -> Any:
    """The volume node of a file that IXGS wrote, as `add_volume` makes it; raises FormatError for another file."""
    return place_volume(scene, *result_of(preview_steps(path)), name, node)


def run_steps(folder: str | os.PathLike[str]) -> Steps[Content]:
    """Read what `place_run` needs step by step, so that Slicer stays responsive; raises what `load_run` raises."""
    return output_steps(folder, VOLUME)


def output_steps(folder: str | os.PathLike[str], name: str) -> Steps[Content]:
    """Read a volume that a finished run wrote, step by step; raises what `load_run` raises."""
    from ..runs.records import DONE, output_sha256, read_record

    folder = Path(folder)
    if not (folder / DONE).is_file():
        raise IXGSError(
            f"{folder.name}: no finished run (no {DONE}), expected a folder that `ixgs reconstruct` completed; "
            "choose another folder or finish the run with --resume"
        )
    written = output_sha256(read_record(folder / DONE), name)
    try:
        with (folder / name).open("rb") as file:
            if (yield from _digest_steps(file)) != written:
                raise FormatError(
                    f"{name}: not the file that the run wrote, expected it unchanged; copy the folder again or "
                    "repeat the run"
                )
            file.seek(0)
            return (yield from _content_steps(file, name))
    except OSError as error:
        raise FormatError(f"{name}: {error}") from error


def _digest_steps(file: BinaryIO) -> Steps[str]:
    """The SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
        yield
    return digest.hexdigest()


def preview_steps(path: str | os.PathLike[str]) -> Steps[Content]:
    """Read what `place_volume` needs of a file that may soon be replaced, so that it is open only for a moment."""
    name = Path(path).name
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{name}: {error}") from error
    return (yield from _content_steps(io.BytesIO(data), name))


def place_run(
    scene: Any, folder: str | os.PathLike[str], content: Content, name: str | None = None, node: Any = None
) -> Any:
    """As `load_run`, with the content that `run_steps` returned."""
    from ..runs.records import RUN, read_record

    run = read_record(Path(folder) / RUN)
    try:
        case, preset, version = run["case"]["name"] or Path(folder).name, run["preset"], run["ixgs"]
    except (KeyError, TypeError) as error:
        raise FormatError(f"{RUN}: lacks {error}, expected the record of a run; copy the folder again") from error
    node = place_volume(scene, *content, case if name is None else name, node)
    attributes = {CASE: case, PRESET: preset, VERSION: version, RUN_FOLDER: Path(folder).absolute()}
    for key, value in attributes.items():
        node.SetAttribute(key, str(value))
    return node


def _content_steps(file: BinaryIO, name: str) -> Steps[Content]:
    """Read the voxels and the grid of a file; `name` is for messages."""
    from ..volume.nrrd import nrrd_steps
    from .arrays import new_image

    made: list[tuple[Any, np.ndarray]] = []

    def allocate(shape: tuple[int, int, int]) -> np.ndarray:
        made.append(new_image(shape))
        return made[0][1]

    try:
        grid = yield from nrrd_steps(file, allocate)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    image, values = made[0]
    for plane in values:
        if not np.isfinite(plane).all():
            raise GeometryError(f"{name}: the volume has NaN or infinite values; run the reconstruction again")
        yield
    return image, grid
