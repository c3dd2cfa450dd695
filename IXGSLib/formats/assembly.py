"""From described views to a Case: what all formats share."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FormatError, GeometryError, IXGSError, IXGSWarning, Notice, group_views
from ..files import file_sha256, sha256
from ..geometry import Grid, View
from ..geometry.coverage import check_distances, check_views, common_region
from ..geometry.readout import far_principal_point, odd_size, size_mismatch
from ..messages import collect_warnings, unique, warn
from ..xray import XRay, line_integrals, read_pixels
from ..xray.exposure import Plateau, on_common_scale
from ..xray.line_integrals import plateau
from ..xray.pixels import Pixels
from ..xray.radiograph import Values
from .case import Case

if TYPE_CHECKING:
    from ..xray.reading import FrameByFrame

CASE_FILE = "case.json"
UNNAMED = "case"
"""The name of a case that the user has not named; the name of its folder may be that of a patient."""
POSE_TOLERANCE = 1e-6
"""Largest difference between two normalised projection matrices of the same pose."""


@dataclass(frozen=True)
class Source:
    """One view as a format describes it, before its pixels are read.

    camera: makes the View from the image's (width, height) in pixels.
    upside_down: whether the file's first row is the detector's last, as View counts them.
    mirrored: whether the file's first column is the detector's last.
    pixels: reads the image, by default as a file of X-rays.
    field: the pixels of a view inside the collimated field, bool (height, width); everywhere without it.
    """

    id: str
    image: Path
    camera: Callable[[tuple[int, int]], View]
    frame: int | None = None
    mask: Path | None = None
    i0: float | None = None
    sha256: str | None = None
    upside_down: bool = False
    mirrored: bool = False
    pixels: Callable[[], Pixels] | None = None
    field: Callable[[View], np.ndarray] | None = None


@dataclass
class Ledger:
    """The record of reading a case: SHA-256 of its files in their order, and warnings.

    Names of files and folders often hold the name of a patient or a UID, and what is recorded stays with the result:
    files are numbered, and messages name the view in place of its file.
    """

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    keys: dict[Path, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def note(self, path: Path, title: str = "a file of the case") -> str:
        """The SHA-256 of a file, which is added to `hashes`; title: what messages call it in place of its name."""
        if path not in self.keys:
            numbered = sum(path.name != CASE_FILE for path in self.keys) + 1
            own = path.name if path.name == CASE_FILE else f"file-{numbered:03d}"
            try:
                self.hashes[own] = file_sha256(path)
            except OSError as error:
                raise FormatError(f"{path.name}: cannot be opened ({error.strerror}); check the path") from error
            self.keys[path] = own
            if path.name != CASE_FILE:
                self.titles.setdefault(path.name, title)
        return self.hashes[self.keys[path]]

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect IXGSWarnings as messages; those of several views with the same reason become one."""
        with collect_warnings() as messages:
            yield
        self.messages = list(unique(self.messages, map(self._without_names, group_views(messages))))

    def _without_names(self, message: str) -> str:
        """A message with titles in the place of the names of files."""
        text = str(message)
        for name, title in self.titles.items():
            whole = rf"(?<![\w.-]){re.escape(name)}(?![\w-])"
            text = re.sub(rf" \({whole}\)", "", text)
            text = re.sub(whole, lambda _, title=title: title, text)  # type: ignore[misc]
        return Notice(text) if isinstance(message, Notice) else text


def assemble(
    sources: Sequence[Source],
    values: Values,
    ledger: Ledger,
    grid: Grid | None = None,
    check: bool = True,
) -> Case:
    """The case of described views, without a name of its own.

    grid: the region to reconstruct, by default the region that all views see.
    check: whether the views must be able to reconstruct the region; without it only units and depth are checked.
    Raises the errors of all unusable images at once, and GeometryError and FormatError from the checks.
    """
    xrays = read_xrays(sources, values, ledger)
    views = [xray.view for xray in xrays]
    _check_repeats(xrays)
    region = _seen_by_all(views) if grid is None else grid
    if check:
        check_views(views, region)
    else:
        check_distances(views, region.center)
    return Case(tuple(xrays), region, UNNAMED)


def _seen_by_all(views: Sequence[View]) -> Grid:
    """The region that all views see; where there is none, the error names what in K explains it."""
    try:
        return common_region(views)
    except GeometryError as error:
        reason = size_mismatch(views) or odd_size(views) or far_principal_point(views)
        raise error if reason is None else GeometryError(f"no region is seen by all views: {reason}") from error


def read_xrays(sources: Sequence[Source], values: Values, ledger: Ledger) -> list[XRay]:
    """The X-rays of described views, on a common scale; raises the errors of all unusable images at once."""
    from ..xray.reading import FrameByFrame  # the readers load SimpleITK and pydicom

    files = FrameByFrame()
    xrays, plateaus, errors = [], [], []
    for source in sources:
        try:
            xray, level = _read(source, values, ledger, files)
            xrays.append(xray)
            plateaus.append(level)
        except IXGSError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = "\n".join(f"  {line}" for line in group_views(str(error) for error in errors))
        raise type(errors[0])(f"{len(errors)} of {len(sources)} views cannot be used:\n{lines}") from errors[0]
    return on_common_scale(xrays, plateaus) if values == "intensity" else xrays


def _read(source: Source, values: Values, ledger: Ledger, files: FrameByFrame) -> tuple[XRay, Plateau]:
    """The X-ray, and the intensity to which its line integrals refer."""
    name = f"view '{source.id}' ({source.image.name})"
    found = ledger.note(source.image, f"view '{source.id}'")
    if source.sha256 not in (None, found):
        raise FormatError(f"{name}: SHA-256 {found}, expected {source.sha256}; the image has changed: restore it")
    pixels = files.read(source.image, source.frame) if source.pixels is None else source.pixels()
    mask = None
    if source.mask is not None:
        ledger.note(source.mask, f"the mask of view '{source.id}'")
        mask = _read_mask(source.mask)
    image, measured = line_integrals(pixels, values, source.i0, mask, name)
    i0 = source.i0 if values == "intensity" else 1.0
    level = plateau(pixels, i0, measured, name)
    if source.upside_down:
        image, measured = image[::-1], measured[::-1]
    if source.mirrored:
        image, measured = image[:, ::-1], measured[:, ::-1]
    height, width = image.shape
    view = source.camera((width, height))
    if source.field is not None:
        measured = measured & source.field(view)
        image = np.where(measured, image, 0)
    return XRay(view, image, measured, values), level


def _read_mask(path: Path) -> np.ndarray:
    """True where the mask is not zero; the warning about 8-bit pixels does not apply to masks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IXGSWarning)
        return read_pixels(path).values != 0


def _check_repeats(xrays: Sequence[XRay]) -> None:
    """Raises FormatError for one image with two poses; warns when two images share a pose."""
    if not xrays:
        raise FormatError("no views, expected at least one X-ray with its pose; add images to the case")
    matrices = np.array([_normalised(xray.view) for xray in xrays])
    prints = [sha256(x.image.tobytes()) if np.ptp(x.image) > 0 else str(n) for n, x in enumerate(xrays)]
    for second in range(1, len(xrays)):
        same_pose = np.abs(matrices[:second] - matrices[second]).max(axis=1) < POSE_TOLERANCE
        for first in range(second):
            pair = f"views '{xrays[first].view.id}' and '{xrays[second].view.id}'"
            if same_pose[first]:
                warn(f"{pair} have the same pose and count as one view")
            elif prints[first] == prints[second]:
                raise FormatError(f"{pair} hold the same image with different poses; give each view its own image")


def _normalised(view: View) -> np.ndarray:
    """(12,) the projection matrix without units: pixels over the focal length, mm over the distance of the source."""
    scale = np.diag([1 / view.K[0, 0], 1 / view.K[1, 1], 1.0])
    return (scale @ view.projection_matrix / [1, 1, 1, max(1.0, float(np.linalg.norm(view.source)))]).ravel()
