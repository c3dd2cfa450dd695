"""The stored runs as Markdown: compact tables in docs/benchmarks.md, everything in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from Testing.benchmarks.pages import BENCHMARKS, Part
from Testing.benchmarks.quality.cases import CASES
from Testing.benchmarks.quality.course import METRICS
from Testing.benchmarks.quality.methods import METHODS, STEPS, Ours, Peer
from Testing.benchmarks.store import measured_on

RESULTS = Path(__file__).with_name("RESULTS.md")
SCRIPT = "Testing/benchmarks/quality/bench.py"
PRESETS = ("preview", "standard", "fine")
VIEW_COUNTS = {name: count for name, (scene, count) in CASES.items() if scene is CASES["lumbar-30"][0]}
"""The lumbar cases that differ only in their number of views."""
SHOWN = [name for name in CASES if name not in VIEW_COUNTS or VIEW_COUNTS[name] in (10, 30)]
"""Cases of the table of all methods; the table of view counts has the others."""

Content = dict[str, Any]
Run = dict[str, Any]
EXPLANATION = """\
Time is that of the reconstruction alone, after kernels and libraries are loaded; for a peer, the time to its best PSNR.
CPU is the CPU time summed over all cores: less than time x cores where other programs used them.
Memory is by how much the peak memory of the process grew, peak that memory itself, libraries included.
Each peer is stopped at its best PSNR against the truth and gets the best of a few parameter values, neither of which
can be known without the truth. IXGS rows are medians over seeds."""
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


def cases_table(content: Content) -> str:
    """The best peer and the presets in each case."""
    found, rows = medians(content["runs"]), []
    for case in SHOWN:
        peer = best_peer(found, case)
        for method in (*([peer] if peer else []), *PRESETS):
            if (case, method) in found:
                rows.append([*_case(case), *_row(method, found[case, method])])
    return f"{_measured(content['runs'])}\n\n{markdown(('case', 'views', *HEAD), rows)}"


def views_table(content: Content) -> str:
    """The best peer and the standard preset against the number of views of the lumbar spine."""
    found, rows = medians(content["runs"]), []
    for case, count in VIEW_COUNTS.items():
        peer = best_peer(found, case)
        for method in (*([peer] if peer else []), "standard"):
            if (case, method) in found:
                rows.append([str(count), *_row(method, found[case, method])])
    return markdown(("views", *HEAD), rows)


def steps_table(content: Content, cases: Sequence[str] = ("lumbar-10", "lumbar-30")) -> str:
    """The standard preset with fewer steps, and whole."""
    found, rows = medians(content["runs"]), []
    for case in cases:
        for method in (*(f"standard-{steps}" for steps in STEPS), "standard"):
            if (case, method) in found:
                rows.append([*_case(case), *_row(method, found[case, method])])
    return markdown(("case", "views", *HEAD), rows)


def starts_table(content: Content) -> str:
    """The standard preset from both starts, where the random one was measured."""
    found = medians(content["runs"])
    cases = [case for case in CASES if (case, "standard-random") in found]
    rows = [
        [*_case(case), *_row(name, found[case, name])] for case in cases for name in ("standard", "standard-random")
    ]
    return markdown(("case", "views", *HEAD), rows)


def scaling_table(content: Content) -> str:
    """How time grows with the size of the problem, as Testing/benchmarks/speed/scaling.py measured it."""
    rows = [
        [name, f"{size:,}".replace(",", " "), f"{time:.3g} {'s' if name == 'views' else 'ms'}"]
        for name, points in content["scaling"].items()
        for size, time in points
    ]
    return markdown(("what grows", "to", "time"), rows)


def results(content: Content) -> str:
    """RESULTS.md: every method in every case, and the best value of each metric over a peer's iterations."""
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
            parts += [f"## {', '.join(_case(case))} views", measured, markdown((*HEAD, *MORE), rows)]
    return "\n\n".join(parts) + "\n"


PARTS = {
    Part(BENCHMARKS, "quality table", SCRIPT): cases_table,
    Part(BENCHMARKS, "views table", SCRIPT): views_table,
    Part(BENCHMARKS, "steps table", SCRIPT): steps_table,
    Part(BENCHMARKS, "starts table", SCRIPT): starts_table,
    Part(BENCHMARKS, "scaling table", "Testing/benchmarks/speed/scaling.py"): scaling_table,
}
"""The tables of each page."""


def write(content: Content) -> None:
    """All tables into their files."""
    for part, table in PARTS.items():
        part.write(table(content))
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
    """The cells under HEAD and MORE, and for a peer a second row of the best values over its iterations."""
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


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; columns of words to the left, of numbers to the right."""
    texts = {"case", "method", "X-rays", "what grows"}
    rule = ["---" if name in texts else "---:" for name in head]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
