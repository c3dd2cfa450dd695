"""Tables on standard output."""

from __future__ import annotations

from collections.abc import Mapping


def print_metrics(metrics: Mapping[str, float | None]) -> None:
    """The metrics with their units and meanings."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from ..evaluation.report import LABELS

    table = Table("Metric", "Value", "Meaning", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = "right"
    for name, value in metrics.items():
        label, unit, meaning = LABELS.get(name, (name.replace("_", " "), "", ""))
        table.add_row(label, "-" if value is None else f"{value:.4g} {unit}".strip(), meaning)
    Console().print(table)
