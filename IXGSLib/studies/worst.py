"""The worst runs of a study, with slices of their volumes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from ..evaluation.pictures import data_uri
from . import wording
from .folder import RUNS, Record
from .picture import PICTURE
from .plan import Plan
from .statistics import lower_is_better

MAX_WORST = 8


def worst(done: Sequence[Record], metric: str) -> list[Record]:
    """The runs with the worst metric first; where it is not defined, nothing is worse."""
    sign = -1 if lower_is_better(metric) else 1
    values = {record["id"]: record["metrics"].get(metric) for record in done}
    return sorted(done, key=lambda r: float("-inf") if values[r["id"]] is None else sign * values[r["id"]])


def worst_html(plan: Plan, done: Sequence[Record], metrics: Sequence[str], folder: Path) -> str:
    """Cards of the worst runs with the pictures in the folder of the study."""
    cards = [_card(plan, record, metrics, folder) for record in worst(done, plan.analysis.metric)[:MAX_WORST]]
    intro = (
        f"<p>The runs with the worst {escape(wording.metric(plan.analysis.metric).name)} first: axial, coronal and "
        "sagittal slices of the volume, below them those of the truth where it is known.</p>"
    )
    return f'{intro}<div class="cards">{"".join(cards)}</div>' if cards else ""


def values_in_words(record: Record, metrics: Sequence[str]) -> str:
    """Some metrics of a run in one line."""
    found = [(wording.metric(name), wording.number(record["metrics"].get(name))) for name in metrics]
    return ", ".join(f"{label.name} {value} {label.unit}".strip() for label, value in found)


def _card(plan: Plan, record: Record, metrics: Sequence[str], folder: Path) -> str:
    count = len(record["warnings"])
    warned = f'<span class="tag warned">{count} warning{"s" * (count > 1)}</span>' if count else ""
    return (
        f'<article class="card"><header><b>{escape(record["subject"])}</b>{warned}<span class="soft">'
        f'{escape(wording.condition(record["condition"], plan.varied))}</span><span class="end">{record["id"]}</span>'
        f"</header>{_picture(folder / RUNS / record['id'] / PICTURE)}"
        f"<p>{escape(values_in_words(record, metrics[:3]))}</p></article>"
    )


def _picture(path: Path) -> str:
    if not path.is_file():
        return '<p class="soft">The picture of this run is not in the folder.</p>'
    with Image.open(path, formats=["PNG"]) as image:
        uri = data_uri(np.asarray(image.convert("RGB")))
    return f'<img alt="Slices of the volume and the truth" style="width:100%" src="{uri}">'
