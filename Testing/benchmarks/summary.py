"""The small table of results in README.md, from what bench.py and the study of standardisation have stored.

python Testing/benchmarks/summary.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from Testing.benchmarks.pages import README, Part
from Testing.benchmarks.quality.methods import METHODS
from Testing.benchmarks.quality.tables import best_peer, markdown, medians
from Testing.benchmarks.store import Store, measured_on

PART = Part(README, "results table", "Testing/benchmarks/summary.py")
STUDY = Path(__file__).with_name("standardization") / "study.json"
CASES = {
    "lumbar-10": ("bone alone", "10"),
    "lumbar-30": ("bone alone", "30"),
    "tissue-30": ("all tissue, truncated", "30"),
}
STANDARDIZED = {
    "pix2pix": "realistic, standardised by the network",
    "learnt": "the same, with the learnt prior",
    "target": "realistic, perfectly standardised",
}
HEAD = ("X-rays", "views", "method", "time, s", "PSNR, dB", "bone Dice", "surface, mm")

Run = dict[str, Any]


def table(quality: dict[str, Any], study: dict[str, Any]) -> str:
    """Markdown: the best peer and the standard preset on ideal X-rays, and the standard preset on realistic ones."""
    found, rows = medians(quality["runs"]), []
    for case, title in CASES.items():
        peer = best_peer(found, case)
        for method in (*([peer] if peer else []), "standard"):
            run = found[case, method]
            cells = _cells(run, run["seconds"], "bone_dice", "bone_surface_distance")
            rows.append([*title, METHODS[method].title, *cells])
    stored = {run["method"]: run for run in study["runs"] if run["case"] == "lumbar-standard"}
    realistic = [stored[method] for method in STANDARDIZED if method in stored]
    for run in realistic:
        cells = _cells(run, run["reconstruction_seconds"], "report_dice", "report_surface_distance")
        rows.append([STANDARDIZED[run["method"]], "25", METHODS["standard"].title, *cells])
    ideal = measured_on(run for run in quality["runs"] if run["case"] in CASES)
    return f"{markdown(HEAD, rows)}\n\nMeasured on {ideal}; the realistic rows on {measured_on(realistic)}."


def _cells(run: Run, seconds: float, dice: str, surface: str) -> list[str]:
    return [f"{seconds:.0f}", f"{run['volume_psnr']:.1f}", f"{run[dice]:.3f}", f"{run[surface]:.2f}"]


def write() -> None:
    """Put the table of what is stored into README.md."""
    PART.write(table(Store().content, Store(STUDY).content))


if __name__ == "__main__":
    write()
