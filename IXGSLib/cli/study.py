"""`ixgs study`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import SettingsError
from ..messages import RESEARCH_ONLY
from ..runs.events import Reporter
from .displays import display, tell

if TYPE_CHECKING:
    from ..studies.backends import Backend
    from ..studies.plan import Plan


@dataclass(frozen=True)
class Study:
    """Compute many runs by a plan, on this machine or a Dask cluster, and compare them.

    PLAN is a .toml or .yaml file, or the name of a plan that comes with IXGS (--list). Writes OUT/results.csv,
    results.parquet and study.html; the same command continues a study that was interrupted. `ixgs study readers` is for
    studies with readers. Research use only. Not a medical device.
    """

    plan: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PLAN")] = ""
    """A plan: a .toml or .yaml file, or the name of one that comes with IXGS."""
    out: Path | None = None
    """Folder of the study: new, empty, or that of the same study, which is continued."""
    list: bool = False
    """List the plans that come with IXGS and the number of their runs."""
    small: bool = False
    """The small version of the plan, which takes minutes."""
    subjects: tuple[Path, ...] = ()
    """CTs and cases to use in place of the plan's subjects."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://host:8786, whose workers compute the runs; they must see OUT."""
    workers: int | None = None
    """Number of runs that are computed at a time on this machine; by default one for every two CPUs."""
    threads: int | None = None
    """Number of CPU threads of each run; by default the CPUs are shared out."""
    retry_failed: bool = False
    """Compute failed runs again."""
    results_only: bool = False
    """Compute nothing; write the results of the runs that are finished."""
    dry_run: bool = False
    """Check the plan and print its runs; compute nothing."""
    json: bool = False
    """Report progress on standard output as one JSON object per line."""

    def run(self) -> None:
        if self.list:
            _list()
            return
        plan = self._plan()
        if self.dry_run:
            _print_runs(plan)
            return
        if self.out is None:
            raise SettingsError("no folder for the study; add --out FOLDER")
        from ..studies.execution import run_study

        with Reporter(display(self.json)) as reporter:
            summary = run_study(
                plan,
                self.out,
                reporter,
                self._backend(),
                retry_failed=self.retry_failed,
                results_only=self.results_only,
            )
        if not self.json:
            tell(f"{summary.runs} runs, {summary.failed} of them failed")
            tell("\n".join(str(file) for file in summary.files))
            tell(RESEARCH_ONLY)

    def _plan(self) -> Plan:
        from ..studies.plan_files import find_plan, read_plan, subjects_from

        if not self.plan:
            raise SettingsError("no plan; name a .toml or .yaml file, or one of those that --list shows")
        plan = read_plan(find_plan(self.plan), self.small)
        return plan.with_subjects(subjects_from(self.subjects)) if self.subjects else plan

    def _backend(self) -> Backend:
        from ..studies.backends import DaskCluster, LocalProcesses

        if self.scheduler is None:
            return LocalProcesses(self.workers, self.threads)
        if self.workers is not None:
            raise SettingsError(
                "--workers is for runs on this machine; the workers of a scheduler are its own; omit it"
            )
        return DaskCluster(self.scheduler, self.threads)


def _list() -> None:
    """The plans that come with IXGS, with the number of their runs."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from ..studies.plan_files import read_plan, ready_plans

    table = Table("Plan", "Runs", "Small", "Purpose", box=SIMPLE_HEAD, pad_edge=False)
    for name, path in ready_plans().items():
        plan, small = read_plan(path), read_plan(path, small=True)
        table.add_row(name, str(len(plan.runs())), str(len(small.runs())), plan.description)
    Console().print(table)


def _print_runs(plan: Plan) -> None:
    from ..studies import wording

    runs = plan.runs()
    for run in runs:
        tell(f"{run.subject.name}: {wording.condition(run.condition.as_dict(), plan.varied)}")
    tell(f"{len(runs)} runs")
