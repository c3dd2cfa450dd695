"""The table of the views: their pictures, angles and warnings, and which of them are used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from IXGSLib.geometry import Grid
from IXGSLib.geometry.coverage import visible_fraction, widest_angle

from .pictures import escaped, say
from .reading import Shot
from .signal import Signal

if TYPE_CHECKING:
    from .panel import Panel
    from .xrays import XRaysSection

VIEW, ORBITAL, ANGULAR, SEES, NOTES = range(5)
ROW_HEIGHT = 44


class ViewsTable:
    """A row for each view of the reading; `selected` tells that another one is chosen."""

    def __init__(self, panel: Panel, xrays: XRaysSection) -> None:
        self.panel, self.xrays, self.ui = panel, xrays, panel.ui
        self.selected = Signal()
        self._filling = False
        table = self.ui.viewsTable
        table.connect("itemChanged(QTableWidgetItem*)", self._on_item)
        table.connect("itemSelectionChanged()", self._on_selection)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(VIEW, qt.QHeaderView.Stretch)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)

    @property
    def _shots(self) -> Sequence[Shot]:
        return self.xrays.reading.shots if self.xrays.reading else ()

    def fill(self) -> None:
        """A row for each view, the first selected."""
        table, shots = self.ui.viewsTable, self._shots
        left_out = self.left_out()
        self._filling = True
        table.setRowCount(len(shots))
        for row, shot in enumerate(shots):
            self._fill_row(row, shot, shot.id not in left_out)
        if shots:
            table.selectRow(0)
        self._filling = False

    def _fill_row(self, row: int, shot: Shot, used: bool) -> None:
        name = qt.QTableWidgetItem(qt.QIcon(str(shot.picture)), shot.id)
        name.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
        name.setCheckState(qt.Qt.Checked if used else qt.Qt.Unchecked)
        name.setToolTip(_("Untick to leave this view out."))
        notes = list(shot.notes)
        if round(shot.masked, 2):
            notes.append(_("{share:.0%} of the image is masked.").format(share=shot.masked))
        texts = {
            ORBITAL: degrees(shot.orbital, _("LAO"), _("RAO")),
            ANGULAR: degrees(shot.angular, _("CRA"), _("CAU")),
            SEES: f"{shot.sees:.0%}",
            NOTES: str(len(notes)) if notes else "",
        }
        table = self.ui.viewsTable
        table.setItem(row, VIEW, name)
        for column, text in texts.items():
            item = qt.QTableWidgetItem(text)
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            if column == NOTES:
                item.setToolTip("\n".join(notes))
            table.setItem(row, column, item)

    def left_out(self) -> set[str]:
        """Ids of the views that are not ticked."""
        return set(json.loads(self.panel.parameters.leftOut)) if self.panel.parameters else set()

    def used(self) -> list[Shot]:
        """The views that are ticked."""
        out = self.left_out()
        return [shot for shot in self._shots if shot.id not in out]

    def current(self) -> Shot | None:
        """The view of the selected row."""
        row = self.ui.viewsTable.currentRow()
        return self._shots[row] if 0 <= row < len(self._shots) else None

    def show_coverage(self, grid: Grid) -> None:
        """Say in the table how much of a region each view sees."""
        for row, shot in enumerate(self._shots):
            self.ui.viewsTable.item(row, SEES).setText(f"{visible_fraction(shot.view, grid):.0%}")

    def _on_item(self, item: Any) -> None:
        if self._filling or item.column() != VIEW:
            return
        out = self.left_out() - {item.text()}
        if item.checkState() == qt.Qt.Unchecked:
            out.add(item.text())
        self.panel.parameters.leftOut = json.dumps(sorted(out))

    def _on_selection(self) -> None:
        if not self._filling:
            self.selected.emit()

    def summarise(self) -> None:
        """Say below the table what the ticked views amount to."""
        reading = self.xrays.reading
        if reading is None:
            say(self.ui.viewsSummary, "")
            return
        used, every = self.used(), len(reading.shots)
        parts = [_("{used} of {every} views are used.").format(used=len(used), every=every)]
        if len(used) > 1:
            angle = widest_angle([shot.view for shot in used], reading.grid.center)
            parts.append(_("They differ by up to {angle:.0f}° (90° is best).").format(angle=angle))
        of_views = {note for shot in reading.shots for note in shot.notes}
        parts += [escaped(warning) for warning in reading.warnings if warning not in of_views]
        say(self.ui.viewsSummary, " ".join(parts))


def degrees(angle: float, positive: str, negative: str) -> str:
    """An angle as C-arms show it."""
    return f"{abs(angle):.0f}° {positive if angle >= 0 else negative}" if round(angle) else "0°"
