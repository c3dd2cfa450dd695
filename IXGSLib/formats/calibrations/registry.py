"""The formats of calibrations, and how a file finds its own."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import FormatError, SettingsError
from ...xray.sniffing import TEXT
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

    Several files are read in natural order (cam2 before cam10). Lengths are brought to mm; `options.detector` gives the
    pixel spacing where the file does not.
    Raises FormatError for files that no format or more than one matches, and what the formats raise.
    """
    options = CalibrationOptions() if options is None else options
    files = _files(path)
    views: list[CalibratedView] = []
    found: list[Format] = []
    for file in files:
        content = Content(file)
        found.append(_format(content, options))
        views += [_finished(view, options) for view in found[-1].read(content, options)]
    if not views:
        raise FormatError(f"{path.name}: no views, expected at least one; export the calibration again")
    names = [view.name for view in views]
    named = all(kind.named for kind in found) and None not in names and len(set(names)) == len(names)
    extra = [file.with_name(itk_transforms.INTRINSICS) for file in files]
    used = (*files, *dict.fromkeys(file for file in extra if found[0].name in ("itk", "slicer") and file.is_file()))
    titles = " and ".join(dict.fromkeys(kind.title for kind in found))
    return Calibration(tuple(views), named, used, titles)


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
    if wanted:
        chosen = [kind for kind in FORMATS if kind.name == wanted]
        if not chosen:
            raise SettingsError(
                f"--calibration-format {wanted}: no such format, expected one of {', '.join(f.name for f in FORMATS)}"
            )
        return chosen[0]
    matching = [kind for kind in FORMATS if kind.matches(content)]
    if len(matching) > 1:
        words = " or ".join(f"--calibration-format {kind.name} ({kind.title})" for kind in matching)
        raise FormatError(f"{content.name}: can be read in {len(matching)} ways; say which with {words}")
    if matching:
        return matching[0]
    # The reader of matrices says what is wrong with a table of numbers.
    if content.kind in (*_TABLES, "JSON") and not isinstance(content.tree, dict):
        return FORMATS[0]
    if content.kind == "JSON" and any(isinstance(value, list) for value in content.tree.values()):
        return FORMATS[0]
    titles = "; ".join(kind.title for kind in FORMATS)
    raise FormatError(f"{content.name}: {content.kind}, which is no known calibration; expected one of: {titles}")


_TABLES = (TEXT, "NumPy", "ZIP", "MATLAB 5")


def _finished(view: CalibratedView, options: CalibrationOptions) -> CalibratedView:
    """The view in mm, with the pixel spacing of the options where the file has none."""
    scaled = view.scaled(MM_PER_UNIT[options.unit])
    if options.detector is None:
        return scaled
    return replace(scaled, pixel_spacing=options.detector.spacing)
