"""From described views to a Case: what all formats share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import FormatError, IXGSError, IXGSWarning
from ..files import sha256
from ..geometry import Grid, View
from ..geometry.coverage import check_distances, check_views, common_region
from ..xray import XRay, line_integrals, read_pixels
from ..xray.exposure import Brightest, on_one_scale
from ..xray.line_integrals import plateau
from ..xray.radiograph import Values
from .case import Case

SAME_POSE = 1e-6
"""Largest difference between two normalised projection matrices that count as one."""


@dataclass(frozen=True)
class Source:
    """One view as a format describes it, its pixels not read yet.

    camera: the View for an image of (width, height) pixels.
    upside_down: whether the file's first row is the detector's last, as View counts them.
    """

    id: str
    image: Path
    camera: Callable[[tuple[int, int]], View]
    frame: int | None = None
    mask: Path | None = None
    i0: float | None = None
    sha256: str | None = None
    upside_down: bool = False


@dataclass
class Ledger:
    """What is noted while files are read: SHA-256 by path inside the folder, and warnings."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def note(self, path: Path) -> str:
        """The SHA-256 of a file, from now on in `hashes`; files outside the folder go by their name."""
        inner = path.is_relative_to(self.folder)
        key = path.relative_to(self.folder).as_posix() if inner else path.name
        if key not in self.hashes:
            try:
                self.hashes[key] = sha256(path.read_bytes())
            except OSError as error:
                raise FormatError(f"{path.name}: cannot be opened ({error.strerror}); check the path") from error
        return self.hashes[key]

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Within it, each IXGSWarning becomes a message, once, instead of being shown."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", IXGSWarning)
            yield
        for warning in caught:
            if not issubclass(warning.category, IXGSWarning):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
            elif str(warning.message) not in self.messages:
                self.messages.append(str(warning.message))


def assemble(
    sources: Sequence[Source],
    values: Values,
    ledger: Ledger,
    grid: Grid | None = None,
    check: bool = True,
) -> Case:
    """The case of some described views, named after the ledger's folder.

    grid: the region to reconstruct, what all views see when not given.
    check: whether the views must be able to reconstruct the region; without it only units and depth are checked.
    Raises the errors of all unusable images at once; GeometryError and FormatError as the checks find them.
    """
    xrays = _read_all(sources, values, ledger)
    views = [xray.view for xray in xrays]
    _check_repeats(xrays)
    region = common_region(views) if grid is None else grid
    if check:
        check_views(views, region)
    else:
        check_distances(views, region.center)
    return Case(tuple(xrays), region, ledger.folder.name)


def _read_all(sources: Sequence[Source], values: Values, ledger: Ledger) -> list[XRay]:
    xrays, plateaus, errors = [], [], []
    for source in sources:
        try:
            xray, level = _read(source, values, ledger)
            xrays.append(xray)
            plateaus.append(level)
        except IXGSError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = "\n".join(f"  {error}" for error in errors)
        raise type(errors[0])(f"{len(errors)} of {len(sources)} views cannot be used:\n{lines}") from errors[0]
    return on_one_scale(xrays, plateaus) if values == "intensity" else xrays


def _read(source: Source, values: Values, ledger: Ledger) -> tuple[XRay, Brightest]:
    """The X-ray, and the intensity to which its line integrals refer."""
    name = f"view '{source.id}' ({source.image.name})"
    found = ledger.note(source.image)
    if source.sha256 not in (None, found):
        raise FormatError(f"{name}: SHA-256 {found}, expected {source.sha256}; the image was changed: restore it")
    pixels = read_pixels(source.image, source.frame)
    mask = None
    if source.mask is not None:
        ledger.note(source.mask)
        mask = _read_mask(source.mask)
    image, measured = line_integrals(pixels, values, source.i0, mask, name)
    i0 = source.i0 if values == "intensity" else 1.0
    level = plateau(pixels, i0, measured, name)
    if source.upside_down:
        image, measured = image[::-1], measured[::-1]
    height, width = image.shape
    return XRay(source.camera((width, height)), image, measured, values), level


def _read_mask(path: Path) -> np.ndarray:
    """Nonzero is measured; a mask of 8 bits loses nothing, so no warning of that is due."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IXGSWarning)
        return read_pixels(path).values != 0


def _check_repeats(xrays: Sequence[XRay]) -> None:
    """Raises FormatError for one image under two poses; warns of one pose used twice."""
    if not xrays:
        raise FormatError("no views, expected at least one X-ray with its pose; add images to the case")
    matrices = np.array([_normalised(xray.view) for xray in xrays])
    prints = [sha256(x.image.tobytes()) if np.ptp(x.image) > 0 else str(n) for n, x in enumerate(xrays)]
    for second in range(1, len(xrays)):
        same_pose = np.abs(matrices[:second] - matrices[second]).max(axis=1) < SAME_POSE
        for first in range(second):
            pair = f"views '{xrays[first].view.id}' and '{xrays[second].view.id}'"
            if same_pose[first]:
                warnings.warn(f"{pair} have one pose and count as one view", IXGSWarning, stacklevel=3)
            elif prints[first] == prints[second]:
                raise FormatError(f"{pair} hold the same image under different poses; give each view its own image")


def _normalised(view: View) -> np.ndarray:
    """(12,) the projection matrix with lengths of about one: pixels by focal length, mm by the source's distance."""
    scale = np.diag([1 / view.K[0, 0], 1 / view.K[1, 1], 1.0])
    return (scale @ view.projection_matrix / [1, 1, 1, max(1.0, float(np.linalg.norm(view.source)))]).ravel()
