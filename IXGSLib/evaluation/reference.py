"""The ground truth that a result is compared with: a true volume, and X-rays that were not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FormatError, GeometryError
from ..files import file_sha256
from ..geometry import Grid
from ..geometry.grid import overlap

if TYPE_CHECKING:
    from ..formats import Case
    from ..gaussians import Cloud
    from ..volume import Volume

Metrics = dict[str, "float | None"]


@dataclass(frozen=True, eq=False)
class Reference:
    """Data for testing that a reconstruction does not use: the true volume and further X-rays; either may be missing.

    truth: attenuation in 1/mm. test: a case of X-rays with poses. hashes: SHA-256 of the files, by name.
    """

    truth: Volume | None = None
    test: Case | None = None
    hashes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, truth: Path | None, test: Path | None) -> Reference:
        """Read the true volume (.nrrd) and the test case (test.json); raises FormatError and what the readers raise."""
        from ..formats import load_case
        from ..volume import Volume

        if truth is not None and not truth.is_file():
            raise FormatError(f"{truth}: no such file, expected the true volume as .nrrd; check --truth")
        volume = None if truth is None else Volume.load(truth)
        case = None if test is None else load_case(test, check=False)
        hashes = {} if truth is None else {"truth": file_sha256(truth)}
        return cls(volume, case, hashes | (case.hashes if case else {}))

    def check_place(self, grid: Grid) -> None:
        """Raises GeometryError where the true volume lies beside a region: every number would be that of nothing."""
        if self.truth is not None and not overlap(grid, self.truth.grid):
            raise GeometryError(
                f"the true volume around {np.round(self.truth.grid.center, 1).tolist()} does not overlap the region "
                f"around {np.round(grid.center, 1).tolist()} (LPS mm); check --truth and its origin"
            )

    def renders(self, cloud: Cloud) -> list[np.ndarray]:
        """The line integrals (height, width) of a cloud in each test view."""
        import torch

        from ..rendering import project

        with torch.no_grad():
            return [project(cloud, view).numpy() for view in self.test.views] if self.test else []

    def metrics(self, volume: Volume, renders: Sequence[np.ndarray]) -> tuple[Metrics, tuple[str, ...]]:
        """The metrics by name, and notes about those that are not defined.

        renders: the result of `renders`.
        """
        from . import compare_views, compare_volumes

        metrics: Metrics = {}
        notes: tuple[str, ...] = ()
        self.check_place(volume.grid)
        if self.truth is not None:
            comparison = compare_volumes(volume, self.truth)
            metrics, notes = comparison.as_dict(), comparison.notes
        if self.test is not None:
            metrics |= compare_views(renders, self.test.xrays).as_dict()
        return metrics, notes

    def with_distinct_ids(self, case: Case) -> Reference:
        """The same data with test views renamed where a view of the case has the same name."""
        if self.test is None:
            return self
        taken = {view.id for view in case.views}
        xrays = tuple(
            replace(xray, view=replace(xray.view, id=f"test {xray.view.id}")) if xray.view.id in taken else xray
            for xray in self.test.xrays
        )
        return replace(self, test=replace(self.test, xrays=xrays))
