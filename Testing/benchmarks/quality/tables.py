"""The stored runs as Markdown: a compact table in README.md, everything in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from Testing.benchmarks.quality.cases import CASES
from Testing.benchmarks.quality.course import METRICS
from Testing.benchmarks.quality.methods import METHODS, Ours, Peer
from Testing.benchmarks.store import measured_on

README = Path(__file__).resolve().parents[3] / "README.md"
RESULTS = Path(__file__).with_name("RESULTS.md")
MARKS = ("<!-- quality table, written by Testing/benchmarks/quality/bench.py -->", "<!-- end of quality table -->")
PRESETS = ("preview", "standard", "fine")
SHOWN = [name for name in CASES if name not in {f"lumbar-{count}" for count in (5, 15, 20, 25, 50)}]
"""Cases of the README's table; its picture shows the others."""

Content = dict[str, Any]
Run = dict[str, Any]
EXPLANATION = """\
Time is that of the reconstruction alone, kernels and libraries loaded before; of a peer until its best PSNR.
CPU is the same on all cores together: less than the time times the cores where others used them.
Memory is what the process grew by, peak what it held at most, libraries included.
A peer is stopped at its best PSNR to the truth and has the best of a few parameters, which nobody could know.
IXGS is the median over its seeds."""
MORE = ("unseen SSIM", "CPU", "peak")
HEAD = ("method", "time", "memory", "PSNR", "SSIM", "bone Dice", "surface", "unseen views")


def medians(runs: Iterable[Run]) -> dict[tuple[str, str], Run]:
    """By case and method: numbers as their medians over seeds, and the number of `seeds`."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run["case"], run["method"]), []).append(run)
    return {key: _median(group) for key, group in groups.items()}


def best_peer(found: dict[tuple[str, str], Run], case: str) -> str | None:
    """The peer with the best PSNR in a case."""
    names = [name for (of, name) in found if of == case and isinstance(METHODS[name], Peer)]
    return max(names, key=lambda name: found[case, name]["volume_psnr"], default=None)


def readme_table(content: Content) -> str:
    """The best peer and the presets in each case."""
    found, rows = medians(content["runs"]), []
    for case in SHOWN:
        peer = best_peer(found, case)
        for method in (*([peer] if peer else []), *PRESETS):
            if (case, method) in found:
                rows.append([*_case(case), *_row(method, found[case, method])])
    return f"{_measured(content['runs'])}\n\n{_markdown(('case', 'views', *HEAD), rows)}"


def results(content: Content) -> str:
    """RESULTS.md: every method in every case, and what each metric of a peer was at its own best."""
    found = medians(content["runs"])
    commits = sorted({run["commit"] for run in content["runs"]})
    versions = [f"{name} {number}" for name, number in content["versions"].items()]
    parts = [
        "# Results",
        _measured(content["runs"]),
        f"{', '.join(versions)}; commits {', '.join(commits)}.",
        EXPLANATION,
    ]
    for case in CASES:
        names = [name for name in METHODS if (case, name) in found]
        if names:
            rows = [row for name in names for row in _rows(name, found[case, name])]
            measured = _measured(run for run in content["runs"] if run["case"] == case)
            parts += [f"## {', '.join(_case(case))} views", measured, _markdown((*HEAD, *MORE), rows)]
    return "\n\n".join(parts) + "\n"


def write(content: Content) -> None:
    """Both tables into their files."""
    before, rest = README.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text(f"{before}{MARKS[0]}\n{readme_table(content)}\n{MARKS[1]}{after}", encoding="utf-8")
    RESULTS.write_text(results(content), encoding="utf-8")


def _measured(runs: Iterable[Run]) -> str:
    return f"Measured on {measured_on(runs)}."


def _case(name: str) -> tuple[str, str]:
    scene, count = CASES[name]
    return scene.title, str(count)


def _row(method: str, run: Run) -> list[str]:
    """The cells under HEAD."""
    return [_title(method, run), _seconds(run["seconds"]), _memory(run), *_metrics([run[name] for name in METRICS[:5]])]


def _rows(method: str, run: Run) -> list[list[str]]:
    """The cells under HEAD and MORE, and for a peer a second row of the best values on its way."""
    more = (
        _metrics([run[name] for name in METRICS])[5],
        _seconds(run["cpu_seconds"]) if "cpu_seconds" in run else "",
        f"{run['memory'] / 1000:.1f} GB",
    )
    rows = [[*_row(method, run), *more]]
    if "best" in run:
        best = [run["best"].get(name, (None, 0)) for name in METRICS]
        values = _metrics([value for value, _ in best])
        cells = [f"{value} ({iteration})" for value, (_, iteration) in zip(values, best, strict=True)]
        rows.append(["each at its best (iteration)", "", "", *cells, "", ""])
    return rows


def _title(method: str, run: Run) -> str:
    chosen = METHODS[method]
    if isinstance(chosen, Ours):
        return f"{chosen.title}, {run['seeds']} seed{'s' if run['seeds'] > 1 else ''}"
    parameter = "" if run["parameter"] is None else f", {chosen.parameter} {run['parameter']:g}"
    return f"{chosen.title}{parameter}, iteration {run['iteration']}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _memory(run: Run) -> str:
    return f"{(run['memory'] - run['memory_before']) / 1000:.2f} GB"


def _metrics(values: Sequence[float | None]) -> list[str]:
    """The values of METRICS, or of the first of them, as text."""
    forms = ("{:.1f} dB", "{:.3f}", "{:.3f}", "{:.2f} mm", "{:.1f} dB", "{:.3f}")
    return ["none" if value is None else form.format(value) for form, value in zip(forms, values, strict=False)]


def _median(group: list[Run]) -> Run:
    merged = dict(group[0])
    for name, value in merged.items():
        if isinstance(value, float):
            merged[name] = median(run[name] for run in group if run[name] is not None)
    return merged | {"seeds": len(group)}


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    texts = {"case", "method"}
    rule = ["---" if name in texts else "---:" for name in head]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
