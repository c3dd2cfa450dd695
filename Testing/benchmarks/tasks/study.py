"""What surgeons measure and plan, in volumes from ideal and from realistic X-rays, compared with the CT.

    python Testing/benchmarks/tasks/study.py [--cache FOLDER] [--table]

The lumbar spine of a CT with labelled vertebrae is simulated and reconstructed with the standard preset: from 10 and
30 ideal X-rays of its bone, and from 30 realistic X-rays that were standardised by the classical method, by the
network, and perfectly. The truth itself is the first row: what remains there is the error of the metrics. Each result
is stored in study.json at once, so that the study can be interrupted; cases and runs are kept in --cache. The tables in
docs/tasks.md are made from the stored results, with --table without measuring. The study needs the CT in the data
folder beside the checkout and takes about ten minutes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.cli import main as ixgs
from IXGSLib.evaluation import compare_volumes
from IXGSLib.evaluation.perceptual import compare_perceptually
from IXGSLib.evaluation.tasks import TaskMetrics, compare_tasks
from IXGSLib.evaluation.tasks.files import levels_from, read_labels
from IXGSLib.evaluation.tasks.measures import PEDICLE_WIDTH
from IXGSLib.volume import Volume
from Testing.benchmarks.pages import ROOT, Part
from Testing.benchmarks.store import Store, measured_on

DATA = ROOT.parent / "shared" / "data" / "ct_totalseg_example"
STORE = Path(__file__).with_name("study.json")
CACHE = ROOT / "build" / "benchmarks" / "tasks"
PAGE = ROOT / "docs" / "tasks.md"
SCRIPT = "Testing/benchmarks/tasks/study.py"
PART, PEDICLES = Part(PAGE, "task table", SCRIPT), Part(PAGE, "pedicle table", SCRIPT)
LEVELS = ("31=L1", "30=L2", "29=L3", "28=L4", "27=L5")
REGION = ("--center", "4", "-115", "311", "--size", "192", "--trajectory", "random")
CASE = "lumbar, TotalSegmentator"


@dataclass(frozen=True)
class Row:
    """One row of the table: its name, views, the case it comes from and how its X-rays are standardised.

    case: the folder in the cache; "" for the truth itself, measured against that of the first case.
    """

    name: str
    views: int
    case: str
    options: tuple[str, ...] = ()
    targets: bool = False


ROWS = (
    Row("the truth itself", 0, ""),
    Row("bone alone", 10, "bone10"),
    Row("bone alone", 30, "bone30"),
    Row("realistic, classical", 30, "real30", ("--standardize", "classical")),
    Row("realistic, network, trained on this patient", 30, "real30", ("--standardize", "pix2pix")),
    Row("realistic, perfectly standardised", 30, "real30", targets=True),
)
COLUMNS = {
    "pedicle width": ("pedicle_width_error", "mm", 2),
    "canal width": ("canal_width_error", "mm", 2),
    "medial wall": ("medial_wall_detected", "%", 0),
    "wall error": ("medial_wall_error", "mm", 2),
    "endplates": ("endplate_tilt", "°", 1),
    "lordosis": ("lordosis_error", "°", 1),
    "entry": ("screw_entry_error", "mm", 1),
    "axis": ("screw_axis_error", "°", 1),
    "breach": ("screw_breach", "mm", 1),
    "grade A or B": ("screws_acceptable", "%", 0),
    "kappa": ("screw_grade_kappa", "", 2),
    "measured": ("tasks_measured", "%", 0),
    "HaarPSI": ("haarpsi", "", 2),
    "Dice": ("bone_dice", "", 2),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FOLDER", help="folder of cases and runs")
    parser.add_argument("--table", action="store_true", help="only make the tables from stored results")
    options = parser.parse_args(arguments)
    store = Store(STORE)
    if not options.table:
        measure(store, options.cache)
    PART.write(table(store.content))
    PEDICLES.write(pedicle_table(store.content))
    return 0


def measure(store: Store, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    labels = read_labels(DATA / "vertebrae.nii.gz")
    levels = levels_from(LEVELS, labels[0])
    for row in ROWS:
        if store.has(CASE, method(row), 0):
            continue
        truth = Volume.load(made_case(row, cache) / "truth.nrrd")
        volume = truth if not row.case else Volume.load(made_run(row, cache) / "volume.nrrd")
        found = compare_tasks(volume, truth, labels, levels)
        metrics = found.as_dict() | compare_perceptually(volume, truth).as_dict()
        metrics |= compare_volumes(volume, truth).as_dict()
        store.add(
            {
                "case": CASE,
                "method": method(row),
                "seed": 0,
                "metrics": metrics,
                "threshold": found.threshold,
                "pedicles": pedicles(found),
                "notes": list(found.notes()),
            }
        )


def method(row: Row) -> str:
    return f"{row.name}, {row.views} views" if row.views else row.name


def made_case(row: Row, cache: Path) -> Path:
    """The folder of a case, simulated if it is not in the cache."""
    folder = cache / (row.case or ROWS[1].case)
    if not (folder / "case.json").exists():
        realistic = ("--realistic",) if row.case.startswith("real") else ()
        views = str(row.views or ROWS[1].views)
        run("simulate", str(DATA / "ct.nii.gz"), "--out", str(folder), "--views", views, *REGION, *realistic)
    return folder


def made_run(row: Row, cache: Path) -> Path:
    """The folder of a run, reconstructed if it is not in the cache."""
    case = made_case(row, cache)
    name = row.options[-1] if row.options else "targets" if row.targets else row.case
    folder = cache / f"run_{name}"
    if not (folder / "done.json").exists():
        run("reconstruct", str(case / "targets" if row.targets else case), "--out", str(folder), *row.options)
    return folder


def run(*words: str) -> None:
    if ixgs(words) != 0:
        raise SystemExit(f"ixgs {' '.join(words)} failed")


def pedicles(found: TaskMetrics) -> dict[str, list[Any]]:
    """By level and side: true and measured width, and the entry and axis error and the grade of the screw."""
    rows: dict[str, list[Any]] = {
        f"{each.level} {each.side}": [number(each.truth), number(each.value)]
        for each in found.measures
        if each.quantity == PEDICLE_WIDTH
    }
    for screw in found.screws:
        rows[f"{screw.level} {screw.side}"] += [number(screw.entry_error), number(screw.axis_error), screw.grade]
    return rows


def number(value: float) -> float | None:
    return value if value == value else None


def table(content: dict[str, Any]) -> str:
    """One row for each volume, with the errors of all levels."""
    runs = {each["method"]: each for each in content["runs"]}
    shown = [(row, runs[method(row)]) for row in ROWS if method(row) in runs]
    units = [f"{name}, {unit}" if unit else name for name, (_, unit, _) in COLUMNS.items()]
    lines = [
        f"Measured on {measured_on(runs.values())}. Bone threshold {shown[0][1]['threshold']:.4f} 1/mm.",
        "",
        f"| X-rays | views | {' | '.join(units)} |",
        f"| --- | ---: |{' ---: |' * len(COLUMNS)}",
    ]
    for row, found in shown:
        cells = [text(found["metrics"][name], unit, digits) for name, unit, digits in COLUMNS.values()]
        lines.append(f"| {row.name} | {row.views or '–'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pedicle_table(content: dict[str, Any]) -> str:
    """One row for each pedicle: its width in the truth, and for some volumes the error of its width and its screw."""
    runs = {each["method"]: each for each in content["runs"]}
    shown = [row for row in ROWS[1:] if method(row) in runs]
    names = " | ".join(method(row).replace(", trained on this patient", "") for row in shown)
    lines = [f"| pedicle | width, mm | {names} |", f"| --- | ---: |{' --- |' * len(shown)}"]
    for place, (true, *_) in runs[method(ROWS[0])]["pedicles"].items():
        cells = [pedicle_text(true, runs[method(row)]["pedicles"][place]) for row in shown]
        lines.append(f"| {place} | {text(true, 'mm', 1)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pedicle_text(true: float | None, found: list[Any]) -> str:
    _, width, entry, axis, grade = found
    error = "–" if true is None or width is None else f"{width - true:+.1f} mm"
    return f"{error}; {text(entry, 'mm', 1)} mm, {text(axis, '°', 0)}°, {grade or '–'}"


def text(value: float | None, unit: str, digits: int) -> str:
    if value is None:
        return "–"
    return f"{100 * value if unit == '%' else value:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
