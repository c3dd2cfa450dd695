"""The log of a training: a CSV file, and TensorBoard files on request."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from ..errors import FormatError, SettingsError
from ..files import write_atomically

COLUMNS = (
    "step",
    "epoch",
    "seconds",
    "rate",
    "l1",
    "adversarial",
    "discriminator",
    "validation_l1",
    "validation_psnr",
    "validation_ssim",
)
"""Columns of log.csv; l1 is in line integrals. A row holds the training losses or the scores of an epoch."""


class TrainingLog:
    """The rows of log.csv; those after the step from which a training is continued are removed.

    tensorboard: also write the folder `tensorboard`; raises SettingsError where the package is not installed.
    """

    def __init__(self, folder: Path, start: int, tensorboard: bool, columns: tuple[str, ...] = COLUMNS) -> None:
        self.file, self.columns = folder / "log.csv", columns
        self.writer: Any = _writer(folder / "tensorboard", start) if tensorboard else None
        kept = [row for row in _rows(self.file, columns) if int(row["step"]) <= start]
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(kept)
        write_atomically(self.file, text.getvalue().encode())

    def add(self, **values: float) -> None:
        """Add a row; columns that are not given stay empty."""
        with self.file.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(
                {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in values.items()}
            )
        if self.writer is not None:
            for name in values.keys() - {"step", "epoch", "seconds"}:
                self.writer.add_scalar(name, values[name], int(values["step"]))
            self.writer.flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def _rows(file: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        table = csv.DictReader(opened)
        rows = list(table)
    if tuple(table.fieldnames or ()) != columns or not all((row["step"] or "").isdigit() for row in rows):
        raise FormatError(f"{file}: not the log of a training, expected columns {', '.join(columns)}; move it away")
    return rows


def _writer(folder: Path, start: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SettingsError(
            "--tensorboard: the package tensorboard is not installed, expected it; pip install 'IXGSLib[train]', or "
            "omit the option: log.csv has the same numbers"
        ) from error
    return SummaryWriter(str(folder), purge_step=start + 1)
