"""The tables and the picture of docs/confidence.md, from the stored results."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from Testing.benchmarks.pages import ROOT, Part

SCRIPT = "Testing/benchmarks/confidence/study.py"
PAGE = ROOT / "docs" / "confidence.md"
TABLE, PATIENTS, EVIDENCE = (Part(PAGE, name, SCRIPT) for name in ("scores", "patients", "evidence"))
PICTURE = ROOT / "Resources" / "Screenshots" / "confidence_calibration.png"
KINDS = {
    "clean": "bone alone",
    "tissue": "all tissue",
    "classical": "classical",
    "pix2pix": "network",
    "learnt": "network, learnt prior",
}
COLOURS = {"clean": "#0072B2", "tissue": "#009E73", "classical": "#E69F00", "pix2pix": "#D55E00", "learnt": "#CC79A7"}
"""Colours of M. Okabe and K. Ito, which colour-blind readers can distinguish."""
MARKERS = {"clean": "o", "tissue": "s", "classical": "^", "pix2pix": "D", "learnt": "v"}

Content = dict[str, Any]


def write(content: Content) -> None:
    """Write the tables and the picture."""
    TABLE.write(score_table(content))
    PATIENTS.write(patient_table(content))
    EVIDENCE.write(evidence_table(content))
    figure = curves(content)
    FigureCanvasAgg(figure)
    figure.savefig(PICTURE, dpi=110)


def score_table(content: Content) -> str:
    """One row for each kind of X-rays and each set of voxels."""
    rows = []
    for kind, found in content["kinds"].items():
        for domain, words in (("near", "near bone"), ("all", "all")):
            one = found[domain]
            rows.append(
                [
                    f"{KINDS[kind]}, {found['trials']} of {found['patients']} patients",
                    words,
                    f"{one['mean_stated']:.5f}",
                    f"{one['mean_actual']:.5f}",
                    f"{one['error_ratio']:.2f}",
                    f"{one['mean_confidence']:.1%}",
                    f"{one['right']:.1%}",
                    f"{one['calibration_error']:.3f}",
                    f"{one['sparsification']:.2f}",
                    f"{one['sparsification_coverage']:.2f}",
                    f"{one['sparsification_best']:.2f}",
                ]
            )
    head = [
        *("X-rays, reconstructions", "voxels", "stated error, 1/mm", "actual", "factor"),
        *("stated confidence", "labels right", "calibration error"),
        *("ranking", "by coverage", "by the error itself"),
    ]
    measured = f"Measured by `{SCRIPT}` on {content['machine']}; {content['date']}."
    return f"{measured}\n\n{_table(head, rows)}"


def patient_table(content: Content) -> str:
    """One row for each patient left out, near bone."""
    rows = []
    for kind, found in content["kinds"].items():
        for patient, one in found["by_patient"].items():
            rows.append([KINDS[kind], patient, *_stated_and_actual(one)])
        for condition, one in found["by_condition"].items():
            rows.append([KINDS[kind], condition, *_stated_and_actual(one)])
    head = ["X-rays", "patient or condition", "stated error, 1/mm", "actual", "stated confidence", "labels right"]
    return _table(head, rows, 2)


def evidence_table(content: Content) -> str:
    """Ranking and factor by a part of the evidence, and with the difference of two halves of the views."""
    names = list(next(iter(content["kinds"].values()))["evidence"])
    rows = [
        [KINDS[kind], *(_ranked(found["evidence"][name]) for name in names)] for kind, found in content["kinds"].items()
    ]
    text = _table(["X-rays", *names], rows)
    if content["halves"]:
        names = ["without", "with", "alone"]
        rows = [[KINDS[kind], *(_ranked(found[name]) for name in names)] for kind, found in content["halves"].items()]
        text += "\n\n" + _table(["X-rays", *(f"{name} the difference of two halves" for name in names)], rows)
    return text.replace("alone the difference", "only the difference")


def curves(content: Content) -> Figure:
    """Stated against actual error, and stated confidence against frequency, near bone."""
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, found in content["kinds"].items():
        style = {"color": COLOURS[kind], "marker": MARKERS[kind], "label": KINDS[kind], "markersize": 5}
        left.plot(*_points(found["near"]["error_curve"]), **style)
        right.plot(*_points(found["near"]["confidence_curve"]), **style)
    left.set(xscale="log", yscale="log", xlabel="stated error, 1/mm", ylabel="actual mean error, 1/mm")
    right.set(xlabel="stated confidence", ylabel="share of labels that are right", xlim=(0, 1), ylim=(0, 1))
    for axis in (left, right):
        _finish(axis)
    right.legend(frameon=False, title="X-rays")
    return figure


def _points(curve: list[list[float]]) -> tuple[list[float], list[float]]:
    return [point[0] for point in curve], [point[1] for point in curve]


def _finish(axis: Axes) -> None:
    low, high = min(axis.get_xlim()[0], axis.get_ylim()[0]), max(axis.get_xlim()[1], axis.get_ylim()[1])
    axis.plot([low, high], [low, high], color="0.6", linewidth=1, zorder=0)
    axis.set(xlim=(low, high), ylim=(low, high))
    axis.spines[["top", "right"]].set_visible(False)


def _stated_and_actual(one: Content) -> list[str]:
    return [
        f"{one['mean_stated']:.5f}",
        f"{one['mean_actual']:.5f}",
        f"{one['mean_confidence']:.1%}",
        f"{one['right']:.1%}",
    ]


def _ranked(one: Content) -> str:
    return f"{one['sparsification']:.2f}, {one['error_ratio']:.2f}"


def _table(head: list[str], rows: list[list[str]], words: int = 1) -> str:
    marks = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))
