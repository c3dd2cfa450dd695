"""What a run left on disk, in a scene."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import FormatError, GeometryError, IXGSError
from ..geometry import Grid
from ..steps import Steps, finished
from .volumes import place_volume

CASE, PRESET, VERSION = "IXGS.Case", "IXGS.Preset", "IXGS.Version"
"""Attributes of the volume node of a run."""
VOLUME = "volume.nrrd"

Content = tuple[Any, Grid]
"""The voxels of a volume, a vtkImageData, and where they are."""


def load_run(scene: Any, folder: str | os.PathLike[str], name: str | None = None, node: Any = None) -> Any:
    """The volume of a finished run as a vtkMRMLScalarVolumeNode, in its place in the patient.

    name: the case's own when not given. node: written into in place of a new one.
    Raises IXGSError for a folder without done.json, which is no result, and what the readers raise.
    """
    return place_run(scene, folder, finished(run_steps(folder)), name, node)


def load_preview(scene: Any, path: str | os.PathLike[str], name: str = "IXGS preview", node: Any = None) -> Any:
    """The volume in a file that IXGS wrote, as `add_volume` makes it; raises FormatError for another file."""
    return place_volume(scene, *finished(preview_steps(path)), name, node)


def run_steps(folder: str | os.PathLike[str]) -> Steps[Content]:
    """What `place_run` needs, part by part, so that Slicer need not wait for all of it; raises what `load_run` does."""
    from ..runs.records import DONE

    folder = Path(folder)
    if not (folder / DONE).is_file():
        raise IXGSError(
            f"{folder.name}: holds no finished run (no {DONE}), expected a folder that `ixgs reconstruct` completed; "
            "choose another folder or finish the run with --resume"
        )
    try:
        with (folder / VOLUME).open("rb") as file:
            return (yield from _content_steps(file, VOLUME))
    except OSError as error:
        raise FormatError(f"{VOLUME}: {error}") from error


def preview_steps(path: str | os.PathLike[str]) -> Steps[Content]:
    """The same for `place_volume` of a file that is about to be replaced: it is open only while it is read, at once."""
    name = Path(path).name
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{name}: {error}") from error
    return (yield from _content_steps(io.BytesIO(data), name))


def place_run(
    scene: Any, folder: str | os.PathLike[str], content: Content, name: str | None = None, node: Any = None
) -> Any:
    """As `load_run`, with the content that `run_steps` gave."""
    from ..runs.records import RUN, read_record

    run = read_record(Path(folder) / RUN)
    case = run["case"]["name"] or Path(folder).name
    node = place_volume(scene, *content, case if name is None else name, node)
    for key, value in ((CASE, case), (PRESET, run["preset"]), (VERSION, run["ixgs"])):
        node.SetAttribute(key, str(value))
    return node


def _content_steps(file: BinaryIO, name: str) -> Steps[Content]:
    """The voxels and the grid in a file of that name."""
    from ..volume.nrrd import nrrd_steps
    from .arrays import new_image

    found: list[tuple[Any, np.ndarray]] = []

    def make(shape: tuple[int, int, int]) -> np.ndarray:
        found.append(new_image(shape))
        return found[0][1]

    try:
        grid = yield from nrrd_steps(file, make)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    image, values = found[0]
    for plane in values:
        if not np.isfinite(plane).all():
            raise GeometryError(f"{name}: the volume holds NaN or infinite values; make it again")
        yield
    return image, grid
