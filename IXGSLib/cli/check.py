"""`ixgs check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import IXGSError, alarms_and_notices
from ..files import check_writable
from ..formats.case_source import CaseOptions
from ..messages import collect_warnings, visible
from .displays import say_warning, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from ..formats import Case
    from ..geometry import View
    from ..xray import XRay

SAMPLES_PER_SIDE = 24
"""Number of points along the longest side of the region at which the views are counted."""


@dataclass(frozen=True)
class Check:
    """Show what the views of a case cover, before anything is computed.

    Prints a table of the views and writes a picture of the geometry.
    """

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    out: Path | None = None
    """Picture to write (.png), a new file; by default <name of the case>-check.png in the current folder."""
    force: bool = False
    """Overwrite an existing picture."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from rich.console import Console

        from ..calibration import examine
        from ..runs.case_loading import load_case

        with collect_warnings() as messages:
            case = load_case(self.images, self.case)
            picture = self._picture(case)
        examination = examine(case)
        case = case.with_warnings([*messages, *examination.warnings])
        for message in case.warnings:
            say_warning(message)
        Console().print(table(case))
        choice = case.tag_choice
        chosen = (choice.sentence[:1].upper() + choice.sentence[1:],) if choice is not None and choice.decided else ()
        for line in (*summary(case), *chosen, examination.summary, examination.advice):
            tell(line)
        self._draw(case, picture)
        tell(f"Picture: {picture}")

    def _picture(self, case: Case) -> Path:
        from ..formats.folder import safe_name

        path = Path(f"{safe_name(case.name, set())}-check.png") if self.out is None else self.out
        if path.suffix.lower() != ".png":
            raise IXGSError(f"{path}: expected a name that ends in .png for the picture; change --out")
        check_writable(path)
        if path.exists() and not self.force:
            raise IXGSError(f"{path}: exists already, expected a new file; choose another --out, or --force")
        return path

    def _draw(self, case: Case, path: Path) -> None:
        from ..files import write_atomically
        from .check_picture import picture

        write_atomically(path, picture(case))


def table(case: Case) -> Table:
    """One row per view."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    heads = ("View", "Orbital", "Angular", "Distance", "Sees", "Image", "Masked", "Warnings")
    rows = Table(*heads, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in rows.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for xray in case.xrays:
        rows.add_row(*(Text(visible(cell)) for cell in _cells(xray, case)))
    return rows


def _cells(xray: XRay, case: Case) -> list[str]:
    import numpy as np

    from ..geometry.coverage import visible_fraction
    from ..geometry.trajectory import angles

    view = xray.view
    orbital, angular = (round(angle) for angle in angles(view))
    distance = float(np.linalg.norm(case.grid.center - view.source))
    measured = xray.image[xray.mask]
    ends = (measured.min(), measured.max()) if measured.size else ()
    count = sum(f"'{view.id}'" in warning for warning in alarms_and_notices(case.warnings)[0])
    return [
        view.id,
        f"{orbital}°",
        f"{angular}°",
        f"{distance:.0f} mm",
        f"{100 * visible_fraction(view, case.grid):.0f} %",
        " to ".join(f"{_plain(end, 2):.2f}" for end in ends) or "nothing",
        f"{100 * float(1 - xray.mask.mean()):.1f} %",
        str(count) if count else "",
    ]


def _plain(value: float, digits: int) -> float:
    """A rounded number without the minus sign that rounding leaves before a zero."""
    return round(float(value), digits) + 0.0


def summary(case: Case) -> list[str]:
    """How well the views together cover the region."""
    import numpy as np

    from ..geometry.coverage import views_per_point, widest_angle

    grid, views = case.grid, case.views
    seen = views_per_point(views, grid.with_spacing(float(grid.size.max()) / SAMPLES_PER_SIDE).points())
    everywhere, twice = float((seen == len(views)).mean()), float((seen >= 2).mean())
    distances = [float(np.linalg.norm(grid.center - view.source)) for view in views]
    pixel = float(np.mean([d / np.sqrt(v.K[0, 0] * v.K[1, 1]) for d, v in zip(distances, views, strict=True)]))
    sides = " x ".join(f"{side:g}" for side in np.round(grid.size, 1))
    spacings = " x ".join(f"{step:.3g}" for step in sorted(set(grid.spacing.tolist())))
    return [
        f"{case.name}: {len(views)} views, their lines of sight differ by up to "
        f"{widest_angle(views, grid.center):.0f}° (90° is best).",
        f"Region: {sides} mm around {[_plain(x, 1) for x in grid.center]} (LPS mm); {100 * everywhere:.0f} % of it is "
        f"seen by all views, {100 * twice:.0f} % by at least two.",
        f"Voxels of {spacings} mm; a pixel measures {pixel:.2f} mm at the region.",
        _scale(views, distances),
    ]


def _scale(views: Sequence[View], distances: Sequence[float]) -> str:
    """The lengths of the C-arm, which a person can compare with the real ones."""
    import numpy as np

    distance = float(np.median(distances))
    known = [view.source_detector_distance for view in views if view.source_detector_distance is not None]
    found = f"Source to region {distance:.0f} mm"
    if known:
        detector = float(np.median(known))
        found += f", source to detector {detector:.0f} mm, magnification {detector / distance:.2f}"
    return f"{found}: compare with the C-arm; images cannot show a common error of scale or focal length."
