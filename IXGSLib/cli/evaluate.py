"""`ixgs evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import SettingsError
from ..evaluation.tasks.settings import TaskSettings
from ..messages import RESEARCH_ONLY, collect_warnings, unique
from ..runs.records import checked_output, read_done
from .displays import say_warning, tell
from .tables import print_metrics

if TYPE_CHECKING:
    from ..evaluation.reference import Metrics, Reference
    from ..volume import Volume


@dataclass(frozen=True)
class Evaluate:
    """Compare a finished run with the ground truth; prints the metrics and writes no file."""

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The folder of a finished run."""
    truth: Path | None = None
    """True volume (.nrrd)."""
    test: Path | None = None
    """test.json with X-rays that the run did not use."""
    labels: Path | None = None
    """Label mask of vertebrae in the same space as --truth, for task metrics: widths of pedicles and canal, medial
    walls, endplates and pedicle screws."""
    levels: tuple[str, ...] = ("totalsegmentator",)
    """With --labels, what its labels are: totalsegmentator, verse, or LABEL=NAME from the head to the feet, such as
    20=L1 21=L2."""
    tasks: TaskSettings = field(default_factory=TaskSettings)
    perceptual: bool = False
    """Add perceptual metrics against --truth in a bone window: HaarPSI, VIF and GMSD."""
    json: bool = False
    """Print the metrics as JSON."""

    def run(self) -> None:
        if self.truth is None and self.test is None:
            raise SettingsError("nothing to compare with, expected --truth volume.nrrd, --test test.json or both")
        if self.truth is None and (self.labels is not None or self.perceptual):
            raise SettingsError("--labels and --perceptual compare with the true volume; add --truth volume.nrrd")
        from ..evaluation.reference import Reference

        with collect_warnings() as messages:
            metrics, notes = self._metrics(Reference.load(self.truth, self.test))
        for message in unique(messages, notes):
            say_warning(message)
        if self.json:
            from json import dumps

            tell(dumps(metrics))
        else:
            print_metrics(metrics)
            tell(RESEARCH_ONLY)

    def _metrics(self, reference: Reference) -> tuple[Metrics, tuple[str, ...]]:
        from ..gaussians.ply import load_ply
        from ..volume import Volume

        done = read_done(self.run_folder)
        volume = Volume.load(checked_output(self.run_folder / "volume.nrrd", done))
        cloud = load_ply(checked_output(self.run_folder / "gaussians.ply", done))
        metrics, notes = reference.metrics(volume, reference.renders(cloud))
        for more, why in self._more(volume, reference.truth):
            metrics, notes = metrics | more, notes + why
        return metrics, notes

    def _more(self, volume: Volume, truth: Volume | None) -> Iterator[tuple[Metrics, tuple[str, ...]]]:
        """Task metrics and perceptual ones with their notes, where they were asked for."""
        if truth is not None and self.labels is not None:
            from ..evaluation.tasks import compare_tasks
            from ..evaluation.tasks.files import levels_from, read_labels

            labels = read_labels(self.labels)
            found = compare_tasks(volume, truth, labels, levels_from(self.levels, labels[0]), self.tasks)
            yield found.as_dict(), found.notes()
        if truth is not None and self.perceptual:
            from ..evaluation.perceptual import compare_perceptually

            similarity = compare_perceptually(volume, truth)
            yield similarity.as_dict(), similarity.notes
