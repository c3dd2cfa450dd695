"""How studies grow: the engine's own time for 100 to 10 000 runs, and what a second worker gains.

    python -m Testing.benchmarks.studies.growth [--table]

The runs are stand-ins that sleep for a known time, so that all other time is the engine's. They are computed by threads
of this process and by worker processes of a Dask cluster on this machine. Each measurement goes to growth.json at once;
stored ones are skipped. --table: only write the
tables into NOTES.md.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IXGSLib.files import write_atomically
from IXGSLib.runs.events import Reporter
from IXGSLib.studies.backends import Backend, DaskCluster, LocalProcesses
from IXGSLib.studies.execution import run_study
from IXGSLib.studies.plan import Analysis, Plan, Subject
from IXGSLib.volume.nrrd import nrrd_bytes
from Testing.benchmarks.pages import ROOT, Part
from Testing.benchmarks.store import commit, machine, rounded
from Testing.simulation.phantom import GRID, hounsfield
from Testing.studies import standin
from Testing.studies.cluster import Cluster
from Testing.studies.standin import Heard

PART = Part(ROOT / "Testing" / "benchmarks" / "NOTES.md", "growth table", "Testing/benchmarks/studies/growth.py")
STORE = Path(__file__).with_name("growth.json")
SIZES, SECONDS = (100, 1000, 10_000), 0.01
SCALED, SCALED_SECONDS = 200, 0.2


def main(arguments: list[str]) -> int:
    store: dict[str, Any] = json.loads(STORE.read_text()) if STORE.exists() else {}
    if "--table" not in arguments:
        for count in SIZES:
            _measure(store, f"local {count}", count)
            _measure(store, f"dask {count}", count)
        for workers in (1, 2):
            _measure(store, f"scaling {workers}", workers)
    PART.write(table(store))
    return 0


def _measure(store: dict[str, Any], name: str, number: int) -> None:
    """Take a measurement in a process of its own, whose peak memory is that of the study."""
    if name in store:
        return
    words = [sys.executable, "-m", "Testing.benchmarks.studies.growth_run", name.split()[0], str(number)]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    store[name] = rounded({**found, "machine": machine(), "date": time.strftime("%Y-%m-%d"), "commit": commit()})
    write_atomically(STORE, (json.dumps(store, indent=1) + "\n").encode())


def table(store: dict[str, Any]) -> str:
    """The measurements as Markdown."""
    lines = ["| runs of 10 ms | backend | s | ms of the engine per run | s to find all finished | peak MB |"]
    lines.append("| ---: | --- | ---: | ---: | ---: | ---: |")
    for name, found in store.items():
        kind, number = name.split()
        if kind != "scaling":
            own = 1000 * (found["seconds"] * found["workers"] / int(number) - SECONDS)
            lines.append(
                f"| {int(number)} | {kind}, {found['workers']} workers | {found['seconds']:.1f} | {own:.1f} | "
                f"{found['again']:.1f} | {found['peak']:.0f} |"
            )
    one, two = (store.get(f"scaling {n}", {}).get("seconds") for n in (1, 2))
    if one and two:
        ideal = SCALED * SCALED_SECONDS
        lines += ["", f"| workers | s for {SCALED} runs of {SCALED_SECONDS:g} s | gain | ideal, s |"]
        lines += ["| ---: | ---: | ---: | ---: |", f"| 1 | {one:.1f} | 1 | {ideal:.0f} |"]
        lines += [f"| 2 | {two:.1f} | {one / two:.2f} | {ideal / 2:.0f} |"]
    return "\n".join(lines)


def measured(kind: str, number: int) -> dict[str, Any]:
    """The seconds of a study and of the same command again, and the peak memory of the client in MB."""
    count, seconds, workers = (number, SECONDS, 2) if kind != "scaling" else (SCALED, SCALED_SECONDS, number)
    with tempfile.TemporaryDirectory(prefix="ixgs-growth-") as name, _backend(kind, workers, Path(name)) as backend:
        folder = Path(name) / "out"
        plan = _plan(Path(name), count, seconds)
        began = time.perf_counter()
        summary = run_study(plan, folder, Reporter(Heard()), backend)
        middle = time.perf_counter()
        run_study(plan, folder, Reporter(Heard()), backend)
        ended = time.perf_counter()
    assert (summary.runs, summary.failed) == (count, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": middle - began, "again": ended - middle, "workers": workers, "peak": peak}


@contextmanager
def _backend(kind: str, workers: int, folder: Path) -> Any:
    if kind == "local":
        yield LocalProcesses(workers, 1, standin.work)
        return
    cluster = Cluster(folder)
    try:
        for _ in range(workers):
            cluster.start_worker()
        backend: Backend = DaskCluster(cluster.address, 1, standin.work)
        _wait_for(cluster.address, workers)
        yield backend
    finally:
        cluster.close()


def _wait_for(address: str, workers: int) -> None:
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=120)


def _plan(folder: Path, count: int, seconds: float) -> Plan:
    (folder / "ct.nrrd").write_bytes(nrrd_bytes(hounsfield(), GRID))
    factors = {"views": (5, 10, 20, 40), "seed": tuple(range(count // 4))}
    subject = Subject("one", ct=folder / "ct.nrrd")
    return Plan("Growth", (subject,), settings={"tilt": seconds}, factors=factors, analysis=Analysis(curve="views"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
