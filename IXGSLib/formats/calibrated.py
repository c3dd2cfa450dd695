"""Image files beside a calibration file of another program."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import FormatError
from ..geometry import Grid, View
from ..xray.itk_images import lattice
from ..xray.radiograph import Values
from ..xray.sniffing import head, sniff
from .assembly import Ledger, Source, assemble
from .case import Case
from .matrices import read_matrices
from .rtk import Detector, read_rtk_matrices, view_of
from .shots import Shot, find_shots

Camera = Callable[[tuple[int, int]], View]


def load_calibrated(
    images: str | os.PathLike[str],
    calibration: str | os.PathLike[str],
    *,
    values: Values,
    i0: float | None = None,
    grid: Grid | None = None,
    detector: Detector | None = None,
) -> Case:
    """The case of images and projection matrices (.txt, .csv, .json, .npy) or an RTK geometry (.xml).

    images: a folder, its files in the order of `find_shots`, or one file whose frames are the views.
    values, i0: what the pixels are, as in case.json.
    grid: the region to reconstruct, by default what all views see.
    detector: spacing, origin and direction of the images on RTK's detector, by default what a NRRD or MetaImage header
    says; images in RTK's order are turned upside down. For matrices only its spacing is used.
    Raises FormatError when the numbers of images and poses differ; otherwise like `load_case`.
    """
    images, calibration = Path(images), Path(calibration)
    ledger = Ledger((images if images.is_dir() else images.parent).resolve())
    with ledger.collecting():
        shots = find_shots(images, (calibration,))
        ledger.note(calibration)
        if calibration.suffix.lower() == ".xml":
            detector = _detector(shots[0][1]) if detector is None else detector
            cameras, flipped = _rtk_cameras(shots, calibration, detector), detector.upside_down
        else:
            cameras, flipped = _matrix_cameras(shots, calibration, detector), False
        sources = [
            Source(id, path.resolve(), camera, frame, i0=i0, upside_down=flipped)
            for (id, path, frame), camera in zip(shots, cameras, strict=True)
        ]
        case = assemble(sources, values, ledger, grid)
    return replace(case, warnings=tuple(ledger.messages), hashes=ledger.hashes)


def _matrix_cameras(shots: Sequence[Shot], calibration: Path, detector: Detector | None) -> list[Camera]:
    matrices, ids = read_matrices(calibration)
    matrices = _matched(shots, matrices, ids, calibration.name)
    spacing = None if detector is None else detector.spacing
    return [
        partial(View.from_projection_matrix, P, id=shot[0], pixel_spacing=spacing)
        for shot, P in zip(shots, matrices, strict=True)
    ]


def _rtk_cameras(shots: Sequence[Shot], calibration: Path, detector: Detector) -> list[Camera]:
    matrices = _matched(shots, read_rtk_matrices(calibration), None, calibration.name)
    return [partial(view_of, P, detector, id=shot[0]) for shot, P in zip(shots, matrices, strict=True)]


def _matched(shots: Sequence[Shot], matrices: np.ndarray, ids: tuple[str, ...] | None, name: str) -> np.ndarray:
    """The matrices in the order of the shots; by id where the file names them."""
    if ids is None:
        if len(matrices) != len(shots):
            raise FormatError(
                f"{name}: {len(matrices)} poses for {len(shots)} images, expected one each; remove what has no partner"
            )
        return matrices
    order = {id: n for n, id in enumerate(ids)}
    names = [id for id, _, _ in shots]
    without, beyond = sorted(set(names) - set(ids)), sorted(set(ids) - set(names))
    if without or beyond:
        raise FormatError(
            f"{name}: images without a pose: {', '.join(without) or 'none'}; poses without an image: "
            f"{', '.join(beyond) or 'none'}; name poses like the image files, without suffix"
        )
    return matrices[[order[name] for name in names]]


def _detector(image: Path) -> Detector:
    """What the header of the projection images says of the detector."""
    if sniff(head(image)) not in ("NRRD", "MetaImage"):
        raise FormatError(
            f"{image.name}: its header does not place the pixels on RTK's detector; state their size in mm with "
            "--pixel-spacing X Y (detector=Detector(spacing=...) in Python)"
        )
    found = lattice(image)
    return Detector(found.spacing, found.origin, found.direction)
