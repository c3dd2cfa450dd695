"""The formats of calibrations, and which of them a file has."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import FormatError, SettingsError
from ...messages import warn
from ...parsing import parsing
from ...sniffing import TEXT
from ..folder import natural_key
from . import (
    astra,
    cameras,
    conrad,
    deepfluoro,
    itk_transforms,
    matrices,
    mayacam,
    nerfstudio,
    r2_gaussian,
    rtk,
    tigre,
    vtkcam,
)
from .calibration import MM_PER_UNIT, CalibratedView, Calibration, CalibrationOptions
from .content import Content
from .statements import check_statements, described

MAX_SPACING_ERROR = 0.01
"""Largest relative difference between two statements of the pixel size that is ignored."""


@dataclass(frozen=True)
class Format:
    """One format of calibrations.

    name: the word after --calibration-format.
    title: what it is, for a person.
    matches: whether a file can be of this format; may read the file, raises FormatError for a damaged one.
    read: the views of a file; raises FormatError and GeometryError.
    named: whether the names of its views are the file's own, not the name of the file.
    """

    name: str
    title: str
    matches: Callable[[Content], bool]
    read: Callable[[Content, CalibrationOptions], list[CalibratedView]]
    named: bool = True


FORMATS = (
    Format("matrices", "3x4 matrices, row by row", matrices.matches_rows, matrices.read_rows),
    Format("matrices-by-columns", "3x4 matrices, column by column", matrices.matches_columns, matrices.read_columns),
    Format("cameras", "intrinsics and poses, K [R | t]", cameras.matches, cameras.read),
    Format("rtk", "RTK geometry", rtk.matches, rtk.read),
    Format("astra", "ASTRA cone vectors", astra.matches, astra.read),
    Format("tigre", "TIGRE geometry, Python's order", tigre.matches_python, tigre.read_python),
    Format("tigre-matlab", "TIGRE geometry, MATLAB's order", tigre.matches_matlab, tigre.read_matlab),
    Format("r2-gaussian", "r2_gaussian's meta_data.json", r2_gaussian.matches, r2_gaussian.read),
    Format("mayacam", "MayaCam 2.0 (XMALab)", mayacam.matches, mayacam.read, named=False),
    Format("vtkcam", "VTKCam 1.0 (Autoscoper)", vtkcam.matches, vtkcam.read, named=False),
    Format("conrad", "CONRAD projtable", conrad.matches, conrad.read),
    Format("transforms", "transforms.json (nerfstudio)", nerfstudio.matches, nerfstudio.read),
    Format("itk", "ITK transforms, camera from world", itk_transforms.matches, itk_transforms.read_itk, named=False),
    Format("slicer", "transforms saved by Slicer", itk_transforms.matches, itk_transforms.read_slicer, named=False),
    Format("deepfluoro", "DeepFluoro HDF5", deepfluoro.matches, deepfluoro.read),
)


def read_calibration(path: Path, options: CalibrationOptions | None = None) -> Calibration:
    """The views of a calibration file, of all files in a folder, or of those that a pattern such as cam*.txt names.

    Several files are read in natural order (cam2 before cam10). Lengths are converted to mm; a pixel spacing in the
    options replaces that of the file. Raises FormatError for files that no format or more than one matches, and
    what the formats raise.
    """
    options = CalibrationOptions() if options is None else options
    files = _files(path)
    contents = [Content(file) for file in files]
    formats, views = [], []
    for content in contents:
        with parsing(content.name):
            check_statements(content, options.unit)
            formats.append(_format(content, options))
    for content, kind in zip(contents, formats, strict=True):
        with parsing(content.name):
            views += [_finished(view, options, content.name) for view in kind.read(content, options)]
    if not views:
        raise FormatError(f"{path.name}: no views, expected at least one; export the calibration again")
    names = [view.name for view in views]
    named = all(kind.named for kind in formats) and None not in names and len(set(names)) == len(names)
    if len(files) == len(views) > 1 and names == [None] * len(files):
        views = [replace(view, name=file.stem) for view, file in zip(views, files, strict=True)]
    titles = " and ".join(dict.fromkeys(kind.title for kind in formats))
    return Calibration(tuple(views), named, (*files, *_intrinsics(files, formats)), titles)


def _intrinsics(files: list[Path], formats: list[Format]) -> list[Path]:
    """The files that hold the intrinsics of transforms, each once."""
    beside = [
        file.with_name(itk_transforms.INTRINSICS)
        for file, kind in zip(files, formats, strict=True)
        if kind.matches is itk_transforms.matches
    ]
    return list(dict.fromkeys(beside))


def matching_files(pattern: Path) -> list[Path]:
    """The files that a pattern names, in natural order; empty for a path without wildcards."""
    if pattern.exists() or not glob.has_magic(str(pattern)):
        return []
    return sorted((Path(name) for name in glob.glob(str(pattern)) if Path(name).is_file()), key=natural_key)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return matching_files(path) or [path]
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    files = [file for file in files if file.name != itk_transforms.INTRINSICS]
    if not files:
        raise FormatError(f"{path.name}: an empty folder, expected calibration files; check the path")
    return sorted(files, key=natural_key)


def _format(content: Content, options: CalibrationOptions) -> Format:
    """The format that the options name, or the only one that matches."""
    wanted = (options.format or "").partition(":")[0]
    chosen = [kind for kind in FORMATS if kind.name == wanted or (not wanted and kind.matches(content))]
    if len(chosen) > 1:
        words = " or ".join(f"--calibration-format {kind.name} ({kind.title})" for kind in chosen)
        raise FormatError(f"{content.name}: can be read in {len(chosen)} ways; say which with {words}")
    if chosen:
        return chosen[0]
    if wanted:
        names = ", ".join(kind.name for kind in FORMATS)
        raise SettingsError(f"--calibration-format {wanted}: no such format, expected one of {names}")
    if not _is_table(content):
        titles = "; ".join(kind.title for kind in FORMATS)
        raise FormatError(f"{content.name}: {described(content)}, not a known calibration; expected one of: {titles}")
    return FORMATS[0]  # the reader of matrices says what is wrong with the table


def _is_table(content: Content) -> bool:
    """Whether a file that no format matches holds numbers or lists, as matrices would be."""
    if content.kind == "JSON" and isinstance(content.tree, dict):
        return bool(content.tree) and all(isinstance(value, list) for value in content.tree.values())
    return content.kind in (TEXT, "JSON", "NumPy", "ZIP", "MATLAB 5") and not isinstance(content.tree, dict)


def _finished(view: CalibratedView, options: CalibrationOptions, what: str) -> CalibratedView:
    """The view in mm, with the pixel spacing of the options in place of the file's; warns of a difference."""
    scaled = view.scaled(MM_PER_UNIT[options.unit])
    if options.detector is None:
        return scaled
    given, own = options.detector.spacing, scaled.pixel_spacing
    if own is not None and not np.allclose(np.abs(own), given, rtol=MAX_SPACING_ERROR):
        warn(
            f"{what}: its pixels measure {own[0]:.4g} x {own[1]:.4g} mm, --pixel-spacing says {given[0]:.4g} x "
            f"{given[1]:.4g} mm; if its lengths are in another unit, such as voxels, convert them to mm"
        )
    return replace(scaled, pixel_spacing=given)
