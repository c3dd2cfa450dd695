"""The results of a study: a row for each run, as CSV and Parquet, and the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..runs.events import Reporter
from .folder import Record
from .plan import Plan

TABLE, PARQUET, PAGE = "results.csv", "results.parquet", "study.html"
FIRST = ("stage", "id", "subject", "patient", "status", "reason")
LAST = ("seconds", "trust", "reasons", "warnings", "notices", "c_arm_model", "inputs", "weights", "ixgs")


def write_results(
    plan: Plan, records: Sequence[Record], repaired: Sequence[Record], folder: Path, reporter: Reporter
) -> tuple[Path, ...]:
    """Write results.csv, results.parquet and study.html; returns their paths.

    repaired: hard cases with one setting replaced by a favourable one. Without pyarrow there is no Parquet, which a
    warning says.
    """
    from .page import study_page

    table = [{"stage": "plan", **row(record)} for record in records]
    table += [{"stage": "repair", **row(record)} for record in repaired]
    columns = _columns(table)
    files = [folder / TABLE]
    write_atomically(files[0], _csv(table, columns).encode())
    parquet = _parquet(table, columns)
    if parquet is None:
        reporter.warn("no results.parquet, which needs pyarrow; pip install 'IXGSLib[study]' and run the command again")
    else:
        files.append(folder / PARQUET)
        write_atomically(files[-1], parquet)
    files.append(folder / PAGE)
    write_atomically(files[-1], study_page(plan, records, folder, repaired).encode("utf-8", "replace"))
    return tuple(files)


def row(record: Record) -> dict[str, Any]:
    """A record as one row: its settings, metrics (by name), durations (time_), signs (sign_) and hashes."""
    values = {name: record[name] for name in FIRST[1:]}
    for name, value in record["condition"].items():
        values[name] = value
    values |= record["metrics"]
    values |= {f"time_{name}": value for name, value in record["durations"].items()}
    trust = record.get("trust") or {"verdict": None, "reasons": (), "signs": {}}
    values |= {f"sign_{name}": value for name, value in trust["signs"].items()}
    return values | {
        "seconds": record["seconds"],
        "trust": trust["verdict"],
        "reasons": "\n".join(trust["reasons"]),
        "warnings": "\n".join(record["warnings"]),
        "notices": "\n".join(record.get("notices", ())),
        "c_arm_model": json.dumps(record["c_arm"], sort_keys=True),
        "inputs": record["inputs"],
        "weights": record["weights"],
        "ixgs": record["ixgs"],
    }


def _columns(table: Sequence[dict[str, Any]]) -> list[str]:
    found = dict.fromkeys(name for values in table for name in values)
    middle = [name for name in found if name not in (*FIRST, *LAST)]
    return [*FIRST, *middle, *LAST]


def _csv(table: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for values in table:
        writer.writerow(["" if values.get(name) is None else values[name] for name in columns])
    return text.getvalue()


def _parquet(table: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes | None:
    """The table as Parquet: numbers as doubles where any is one, other mixed values as text; None without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return None
    arrays = {name: _array(pyarrow, [values.get(name) for values in table]) for name in columns}
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays), stream, compression="zstd")
    return stream.getvalue()


def _array(pyarrow: Any, values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return pyarrow.array(values, pyarrow.float64())
    if len(kinds) <= 1 and kinds <= {int, float, str, bool}:
        return pyarrow.array(values, pyarrow.string() if not kinds else None)
    return pyarrow.array([None if value is None else str(value) for value in values], pyarrow.string())
