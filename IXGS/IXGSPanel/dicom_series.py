"""Series of X-rays in Slicer's DICOM database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

MODALITIES = ("XA", "RF", "DX", "CR")
"""Modalities of X-rays; CT and others are not offered."""
MODALITY_TAG = "0008,0060"


@dataclass(frozen=True)
class Series:
    """A series: what to call it in a list, and its files."""

    title: str
    files: tuple[Path, ...]

    def folder(self) -> Path:
        """A folder with the files of this series and no others: their own, or a temporary one with copies."""
        folders = {file.parent for file in self.files}
        own = folders.pop()
        if not folders and set(own.iterdir()) == set(self.files):
            return own
        copies = Path(tempfile.mkdtemp(prefix="ixgs-series-", dir=slicer.app.temporaryPath))
        for number, file in enumerate(self.files):
            shutil.copy(file, copies / f"{number:04d}.dcm")
        return copies


def series_of_x_rays() -> list[Series]:
    """The series of X-rays in the database of Slicer; empty without a database."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        return []
    found = []
    for patient in database.patients():
        for study in database.studiesForPatient(patient):
            for uid in database.seriesForStudy(study):
                files = tuple(Path(file) for file in database.filesForSeries(uid))
                modality = database.fileValue(str(files[0]), MODALITY_TAG) if files else ""
                if modality in MODALITIES:
                    parts = (database.nameForPatient(patient), database.descriptionForStudy(study))
                    parts += (database.descriptionForSeries(uid), _("{count} files").format(count=len(files)))
                    found.append(Series(" / ".join([modality, *(part for part in parts if part)]), files))
    return found


def choose_series(parent: Any, chosen: Callable[[Path], None]) -> Any:
    """Open a list of the series of X-rays in the database; `chosen` is called with the folder of one of them.

    Returns the dialog.
    """
    found = series_of_x_rays()
    dialog = qt.QDialog(parent)
    dialog.windowTitle = _("X-rays in the DICOM database")
    column, names = qt.QVBoxLayout(dialog), qt.QListWidget()
    names.toolTip = _("Series of the modalities XA, RF, DX and CR.")
    for each in found:
        names.addItem(each.title)
    note = qt.QLabel(
        _("Poses are taken from the tags as a start; with a calibration they are exact.")
        if found
        else _("There are no series of X-rays (XA, RF, DX, CR) in the database. Import them in the module DICOM first.")
    )
    note.wordWrap = True
    use, cancel = qt.QPushButton(_("Use series")), qt.QPushButton(_("Cancel"))
    use.enabled = False

    def accept() -> None:
        dialog.close()
        chosen(found[names.currentRow].folder())

    names.connect("currentRowChanged(int)", lambda row: setattr(use, "enabled", row >= 0))
    use.connect("clicked()", accept)
    cancel.connect("clicked()", dialog.close)
    for widget in (names, note, use, cancel):
        column.addWidget(widget)
    dialog.show()
    return dialog
