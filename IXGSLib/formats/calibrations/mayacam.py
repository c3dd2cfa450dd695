"""MayaCam 2.0 as XMALab writes it: image size, camera matrix, rotation and translation of one camera.

XMALab writes OpenCV's camera (Camera::saveMayaCamVersion2): pixels from the centre of the top-left one, rows downwards,
x_camera = R x_world + t. The unit is that of the calibration object, mm or cm.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import FormatError
from ...files import write_atomically
from ...geometry import View
from ...messages import warn
from ...sniffing import TEXT
from ..folder import safe_name
from .calibration import CalibratedView, CalibrationOptions, pinhole_matrix, pose_matrix
from .content import Content

_SECTIONS = {"image size": 2, "camera matrix": 9, "rotation": 9, "translation": 3}


def matches(content: Content) -> bool:
    return content.kind == TEXT and content.text.lstrip().lower().startswith("image size")


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The one view of a file; raises FormatError for missing sections, GeometryError for a reflection."""
    sections = _sections(content)
    K, R = (np.reshape(sections[key], (3, 3)) for key in ("camera matrix", "rotation"))
    if any(value != 0 for value in sections.get("undistortion", [])):
        warn(f"{content.name}: its lens distortion is not applied; use the images that XMALab has undistorted")
    width, height = (int(n) for n in sections["image size"])
    P = pinhole_matrix(K, pose_matrix(R, sections["translation"]), content.path.stem)
    return [CalibratedView(P, content.path.stem, (width, height))]


def write_mayacam(folder: str | os.PathLike[str], views: Sequence[View]) -> list[Path]:
    """Write a file for each view, in mm and named after it, into a folder; returns the paths.

    Raises IXGSError when the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    paths = []
    for view in views:
        paths.append(folder / f"{safe_name(view.id, taken)}.txt")
        write_atomically(paths[-1], _text(view).encode())
    return paths


def _text(view: View) -> str:
    pose = view.camera_from_world
    blocks = {
        "image size": [list(view.size)],
        "camera matrix": view.K.tolist(),
        "rotation": pose[:3, :3].tolist(),
        "translation": pose[:3, 3:].tolist(),
    }
    lines = ["\n".join([title, *(",".join(map(repr, row)) for row in rows)]) for title, rows in blocks.items()]
    return "\n\n".join(lines) + "\n"


def _sections(content: Content) -> dict[str, list[float]]:
    sections: dict[str, list[float]] = {}
    title = ""
    for number, line in enumerate(content.text.splitlines(), 1):
        words = [word for word in re.split(r"[\s,;]+", line) if word]
        try:
            sections.setdefault(title, []).extend(float(word) for word in words)
        except ValueError:
            title = " ".join(words).lower()
            if title not in (*_SECTIONS, "undistortion"):
                raise FormatError(
                    f"{content.name}: line {number} is '{line.strip()[:40]}', expected one of {', '.join(_SECTIONS)}"
                ) from None
    for key, count in _SECTIONS.items():
        if len(sections.get(key, [])) != count:
            raise FormatError(
                f"{content.name}: '{key}' holds {len(sections.get(key, []))} numbers, expected {count}; export it as "
                "MayaCam 2.0 from XMALab"
            )
    return sections
