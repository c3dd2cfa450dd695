"""`ixgs study readers`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..messages import RESEARCH_ONLY
from ..studies.readers.sets import SetSettings
from ..studies.readers.simulation import RatingModel
from .displays import say, tell

if TYPE_CHECKING:
    from ..studies.readers.analysis import Analysis


@dataclass(frozen=True)
class Make:
    """Make blinded sets of finished runs, in random order and some of them twice.

    OUT/set-1/001 and so on are opened by *Load run...* of the panel, where they are rated. The key says which run is
    behind each number: keep it away from the readers.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    """Folders of finished runs."""
    out: Path
    """Folder of the sets: new or empty."""
    key: Path
    """New file for the key, outside OUT."""
    metrics: Path | None = None
    """CSV with a column run (or id) with the names of the folders, metrics, and optionally specimen (or patient); such
    as the results.csv of a study. By default the metrics and the case that each run recorded."""
    settings: Annotated[SetSettings, tyro.conf.arg(name="")] = field(default_factory=SetSettings)

    def run(self) -> None:
        from ..studies.readers.sets import make_sets
        from ..studies.readers.table import read_table

        table = None if self.metrics is None else read_table(self.metrics)
        key = make_sets(self.runs, self.out, self.key, self.settings, table)
        numbers = sum(len(numbers) for numbers in key.sets.values())
        tell(f"{self.out}: {len(key.sets)} sets, {numbers} volumes of {len(key.runs)} runs")
        tell(f"{self.key}: the key; keep it away from the readers\n{RESEARCH_ONLY}")


@dataclass(frozen=True)
class Analyse:
    """Analyse the ratings that readers saved: their agreement, and which metrics follow them.

    Writes OUT/readers.html, readers.json and ratings.csv.
    """

    sets: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="SETS")]
    """The folder of the sets with the ratings in it, and copies of it from other computers."""
    key: Path
    """The key of the sets."""
    out: Path
    """Folder for the results: new or empty."""
    seed: int = 0
    """Random seed of the bootstrap."""

    def run(self) -> None:
        from ..studies.readers.analysis import analyse, write_analysis
        from ..studies.readers.key import Key
        from ..studies.readers.ratings import read_ratings

        key = Key.load(self.key)
        found = analyse(read_ratings(self.sets, key), key, self.seed)
        files = write_analysis(found, self.out)
        for note in found.notes:
            say(f"note: {note}")
        _summarise(found)
        tell("\n".join(map(str, files)) + f"\n{RESEARCH_ONLY}")


@dataclass(frozen=True)
class Simulate:
    """Write ratings simulated from a stated model into blinded sets, to try out an analysis whose answer is known.

    They are marked as simulated in their files and on every page.
    """

    sets: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SETS")]
    """The folder of the sets, without ratings."""
    key: Path
    """The key of the sets."""
    model: Annotated[RatingModel, tyro.conf.arg(name="")] = field(default_factory=RatingModel)

    def run(self) -> None:
        from ..studies.readers.key import Key
        from ..studies.readers.simulation import simulate_ratings

        count = simulate_ratings(self.sets, Key.load(self.key), self.model)
        tell(f"{self.sets}: {count} SIMULATED ratings by the metric {self.model.metric}\n{RESEARCH_ONLY}")


@dataclass(frozen=True)
class Readers:
    """Reader studies: blinded sets of runs for readers, and the analysis of their ratings."""

    step: Annotated[
        Annotated[Make, tyro.conf.subcommand("make")]
        | Annotated[Analyse, tyro.conf.subcommand("analyse")]
        | Annotated[Simulate, tyro.conf.subcommand("simulate")],
        tyro.conf.arg(name=""),
    ]

    def run(self) -> None:
        self.step.run()


def _summarise(found: Analysis) -> None:
    """The agreement of all readers, and what follows them best, on standard output."""
    from ..evaluation.labels import label
    from ..studies.readers.page import text

    if found.ratings.simulated:
        tell("SIMULATED ratings, not those of readers")
    for each in found.agreements:
        tell(f"{each.question}: ICC between readers {text(each.inter_icc)}, within {text(each.intra_icc)}")
        defined = [c for c in found.correlations if c.question == each.question and c.spearman.defined]
        if defined:
            best = max(defined, key=lambda c: c.spearman.value)
            tell(f"  follows best: {label(best.metric).name}, Spearman {text(best.spearman)}")
