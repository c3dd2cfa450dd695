"""What a run left on disk, in a scene."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import FormatError, IXGSError
from .volumes import add_volume

CASE, PRESET, VERSION = "IXGS.Case", "IXGS.Preset", "IXGS.Version"
"""Attributes of the volume node of a run."""


def load_run(scene: Any, folder: str | os.PathLike[str], name: str | None = None, node: Any = None) -> Any:
    """The volume of a finished run as a vtkMRMLScalarVolumeNode, in its place in the patient.

    name: the case's own when not given. node: written into in place of a new one.
    Raises IXGSError for a folder without done.json, which is no result, and what the readers raise.
    """
    from ..cli.run_folder import DONE, RUN, read_record

    folder = Path(folder)
    if not (folder / DONE).is_file():
        raise IXGSError(
            f"{folder.name}: holds no finished run (no {DONE}), expected a folder that `ixgs reconstruct` completed; "
            "choose another folder or finish the run with --resume"
        )
    run = read_record(folder / RUN)
    case = run["case"]["name"] or folder.name
    node = load_preview(scene, folder / "volume.nrrd", case if name is None else name, node)
    for key, value in ((CASE, case), (PRESET, run["preset"]), (VERSION, run["ixgs"])):
        node.SetAttribute(key, str(value))
    return node


def load_preview(scene: Any, path: str | os.PathLike[str], name: str = "IXGS preview", node: Any = None) -> Any:
    """The volume in a file that IXGS wrote, as `add_volume` makes it; raises FormatError for another file."""
    from ..volume import Volume
    from ..volume.nrrd import nrrd_content

    try:
        content = nrrd_content(Path(path).read_bytes())
    except (OSError, FormatError) as error:
        raise FormatError(f"{Path(path).name}: {error}") from error
    return add_volume(scene, Volume(*content), name, node)
