"""Image files beside a calibration file of another program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from ..errors import FormatError
from ..geometry import Grid
from ..messages import collect_warnings, warn
from ..xray.kinds import SUFFIXES
from ..xray.radiograph import Values
from .assembly import Ledger, Source, assemble
from .calibrations import CalibratedView, Calibration, CalibrationOptions, read_calibration
from .calibrations.registry import matching_files
from .case import Case
from .shots import Shot, find_shots, numbered, shots_of

_IMAGE_SUFFIXES = (*SUFFIXES, ".npy", ".jpg", ".jpeg", ".bmp")


def load_calibrated(
    images: str | os.PathLike[str],
    calibration: str | os.PathLike[str],
    *,
    values: Values,
    i0: float | None = None,
    grid: Grid | None = None,
    options: CalibrationOptions | None = None,
    file_names: bool = True,
) -> Case:
    """The case of images and their calibration in any format of `calibrations.registry.FORMATS`.

    images: a folder, whose files are in the order of `find_shots`; a pattern such as "shots/*_cam?.tif"; or one file
    whose frames are the views. Not used for formats that contain or name their images.
    calibration: a file, a folder with a file per view, or a pattern.
    values, i0: the meaning of the pixels, as in case.json.
    grid: the region to reconstruct, by default the region that all views see.
    options: format, unit and detector, where the calibration does not state them. For an RTK geometry the detector
    comes from NRRD or MetaImage headers; images whose rows count upwards are turned upside down.
    file_names: whether views are named after their files. Otherwise they have the names that the calibration gives
    them and are numbered where it gives none, as on the command line, because names of files may be those of patients.
    Raises FormatError when the numbers or names of images and views differ; otherwise like `load_case`.
    """
    images, path = Path(images), Path(calibration)
    given = options or CalibrationOptions()
    ledger = Ledger(_folder(images))
    with ledger.collecting():
        found = read_calibration(path, replace(given, first_image=lambda: _shots(images, (path,))[0][1]))
        for file in found.files:
            ledger.note(file.resolve(), "the calibration")
        sources = _own_sources(found, i0) or _sources(images, found, path.name, i0, file_names)
        case = assemble(sources, values, ledger, grid)
    return replace(case, warnings=tuple(ledger.messages), hashes=ledger.hashes)


def _folder(images: Path) -> Path:
    """The folder of the images."""
    files = matching_files(images)
    return (images if images.is_dir() else (files or [images])[0].parent).resolve()


def _own_sources(found: Calibration, i0: float | None) -> list[Source]:
    """The views of a calibration that contains or names all of its images; empty for any other."""
    named = [(view.name or f"{n:03d}", view) for n, view in enumerate(found.views)]
    sources = [_source(Shot(id, view.image), view, i0) for id, view in named if view.image is not None]
    return sources if len(sources) == len(named) else []


def _sources(images: Path, found: Calibration, name: str, i0: float | None, file_names: bool) -> list[Source]:
    with collect_warnings() as messages:
        shots = _shots(images, found.files)
    for message in messages:
        warn(message)
    views = _matched(shots, found, name, messages)
    if not file_names and not found.named:
        shots = numbered(shots)
    return [_source(shot, view, i0) for shot, view in zip(shots, views, strict=True)]


def _source(shot: Shot, view: CalibratedView, i0: float | None) -> Source:
    id, path, frame = shot
    return Source(
        id,
        path.resolve(),
        partial(view.view, id=id),
        frame,
        i0=i0,
        upside_down=view.upside_down,
        pixels=view.pixels,
        field=view.field,
    )


def _shots(images: Path, calibration: Sequence[Path]) -> list[Shot]:
    """Every X-ray of a folder, of a file with its frames, or of the files of a pattern, in order."""
    chosen = [] if images.is_dir() or images.is_file() else matching_files(images)
    return shots_of(chosen) if chosen else find_shots(images, calibration)


def _matched(shots: Sequence[Shot], found: Calibration, name: str, messages: Sequence[str]) -> list[CalibratedView]:
    """The views in the order of the shots: by name where the calibration names them, otherwise in its own order.

    messages: the warnings that finding the shots gave, which may explain why their number is another.
    """
    ids = [id for id, _, _ in shots]
    names = [_stem(view.name) for view in found.views]
    if sorted(names) == sorted(ids):
        return [found.views[names.index(id)] for id in ids]
    without, beyond = sorted(set(ids) - set(names)), sorted(set(names) - set(ids))
    if found.named and (without or beyond):
        raise FormatError(
            f"{name}: images without a pose: {', '.join(without) or 'none'}; poses without an image: "
            f"{', '.join(beyond) or 'none'}; name poses like the image files, without suffix"
        )
    if len(ids) != len(names):
        notes = "".join(f" ({message})" for message in messages)
        raise FormatError(
            f"{name}: {len(names)} poses for {len(ids)} images, expected one each; remove what has no partner{notes}"
        )
    return list(found.views)


def _stem(name: str | None) -> str:
    """A view's name without the suffix of an image file."""
    path = PurePosixPath((name or "").replace("\\", "/"))
    return path.stem if path.suffix.lower() in _IMAGE_SUFFIXES else (name or "")
