"""Tables on standard output."""

from __future__ import annotations

from collections.abc import Mapping


def print_metrics(metrics: Mapping[str, float | None]) -> None:
    """The metrics with their units and meanings."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from ..evaluation.labels import label

    table = Table("Metric", "Value", "Meaning", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = "right"
    for name, value in metrics.items():
        title, unit, meaning = label(name)
        table.add_row(title, "-" if value is None else f"{value:.4g} {unit}".strip(), meaning)
    Console().print(table)
