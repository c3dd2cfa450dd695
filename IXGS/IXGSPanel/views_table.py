"""The table of views: their pictures, gantry angles and warnings, and which of them are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import qt
from slicer.i18n import tr as _

from IXGSLib.geometry import Grid
from IXGSLib.geometry.coverage import visible_fraction, widest_angle

from .fiducials import accuracy_text
from .full_pictures import FullPictures
from .labels import escaped, set_picture, set_text
from .pictures import Album, Enlarger, Pair
from .reading import XRayPreview
from .run_poses import number_text
from .selection import Selection

VIEW, ANGLES, VISIBLE, POSE, WARNINGS = range(5)
MIN_ROW_HEIGHT = 44
DEVIATIONS = {"rotation_sd": 2, "shift_sd": 1, "beam_sd": 1}
"""Decimals of the standard deviations of a refined pose, which records of earlier versions lack."""


class ViewsTable:
    """One row for each view of the selection."""

    def __init__(self, ui: Any, selection: Selection) -> None:
        self.ui, self.selection = ui, selection
        self._filling = False
        self._shortcuts: list[Any] = []
        table = ui.viewsTable
        table.connect("itemChanged(QTableWidgetItem*)", self._on_item_changed)
        table.connect("itemSelectionChanged()", self._on_row_selected)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(WARNINGS, qt.QHeaderView.Stretch)  # never wider than the table
        self.full = FullPictures(selection)
        self.enlarger = Enlarger()
        self.enlarger.watch((ui.selectedPicture,), self._large_pictures)
        selection.current_changed.connect(self.show_selected)
        ui.showFiducials.connect("toggled(bool)", self.show_selected)
        for keys, step in (("Alt+Down", 1), ("Alt+Up", -1)):
            shortcut = qt.QShortcut(qt.QKeySequence(keys), table)
            shortcut.connect("activated()", lambda step=step: self.select_next(step))
            self._shortcuts.append(shortcut)
        two_lines = 2 * qt.QFontMetrics(table.font).height() + 6
        table.verticalHeader().setDefaultSectionSize(max(MIN_ROW_HEIGHT, two_lines))

    def fill(self) -> None:
        """Show the views of the selection, with the first one selected."""
        table, xrays, unticked = self.ui.viewsTable, self.selection.xrays, self.selection.unticked
        self._filling = True
        table.setRowCount(len(xrays))
        for row, xray in enumerate(xrays):
            self._fill_row(row, xray, xray.id not in unticked)
        if xrays:
            table.selectRow(0)
        self._filling = False
        self.show_selected()

    def select_next(self, step: int) -> None:
        """Select the next or the previous view; the first follows the last."""
        table = self.ui.viewsTable
        if table.rowCount:
            table.selectRow((table.currentRow() + step) % table.rowCount)

    def show_selected(self, *_args: Any) -> None:
        """Show the picture of the selected view below the table, with its fiducials if they are wanted."""
        current, box = self.selection.current, self.ui.showFiducials
        box.visible = any(xray.calibration is not None for xray in self.selection.xrays)
        box.enabled = current is not None and current.calibration is not None
        if current is None:
            set_picture(self.ui.selectedPicture, None)
            return
        picture = large_picture(current)
        if picture.switched is not None and box.checked:
            picture = picture.switched
        set_picture(self.ui.selectedPicture, picture.first, picture.fiducials)

    def _large_pictures(self) -> Album:
        xrays, current = self.selection.xrays, self.selection.current
        pairs = [large_picture(xray) for xray in xrays]
        number = 0 if current is None else [xray.id for xray in xrays].index(current.id)
        return Album(pairs, number, self.ui.showFiducials.text, self.ui.showFiducials.checked, self.full)

    def _fill_row(self, row: int, xray: XRayPreview, ticked: bool) -> None:
        table = self.ui.viewsTable
        table.setItem(row, VIEW, view_item(xray, ticked))
        remarks = [*xray.warnings, *xray.notices]
        if round(xray.masked, 2):
            remarks.append(_("{fraction:.0%} of the image is masked.").format(fraction=xray.masked))
        texts = {
            ANGLES: "\n".join(
                [angle_text(xray.orbital, _("LAO"), _("RAO")), angle_text(xray.angular, _("CRA"), _("CAU"))]
            ),
            VISIBLE: f"{xray.visible:.0%}",
            POSE: pose_text(xray.poses),
            WARNINGS: str(len(xray.warnings)) if xray.warnings else "",
        }
        for column, text in texts.items():
            item = qt.QTableWidgetItem(text)
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            if column == WARNINGS:
                item.setToolTip("\n".join(remarks))
            if column == POSE:
                item.setToolTip(pose_tip(xray))
            table.setItem(row, column, item)

    def show_coverage(self, grid: Grid) -> None:
        """Show which fraction of a region each view sees."""
        for row, xray in enumerate(self.selection.xrays):
            self.ui.viewsTable.item(row, VISIBLE).setText(f"{visible_fraction(xray.view, grid):.0%}")

    def show_poses(self, found: Mapping[str, dict[str, Any]]) -> None:
        """Show where poses come from, with what the run under review did to them by view id."""
        for row, xray in enumerate(self.selection.xrays):
            view, item = found.get(xray.id, {}), self.ui.viewsTable.item(row, POSE)
            changed = view.get("state") in ("refined", "left out")
            item.setText(pose_text(view["state"] if changed else xray.poses))
            item.setToolTip(change_text(view) if changed else pose_tip(xray))

    def summarise(self) -> None:
        """Say below the table how many views are used and how far apart they are."""
        reading = self.selection.reading
        if reading is None:
            set_text(self.ui.viewsSummary, "")
            return
        used, total = self.selection.used, len(reading.xrays)
        parts = [_("{used} of {total} views are used.").format(used=len(used), total=total)]
        if len(used) > 1:
            angle = widest_angle([xray.view for xray in used], reading.grid.center)
            parts.append(_("Their directions differ by up to {angle:.0f}° (90° is best).").format(angle=angle))
        of_views = {warning for xray in reading.xrays for warning in xray.warnings}
        warnings = [escaped(warning) for warning in reading.warnings if warning not in of_views]
        hint = _("Next: Apply in section 4. Sections 2 and 3 are optional.")
        set_text(self.ui.viewsSummary, "<br>".join([" ".join(parts), *warnings, hint]))

    def _on_item_changed(self, item: Any) -> None:
        if not self._filling and item.column() == VIEW:
            self.selection.tick(item.text(), item.checkState() != qt.Qt.Unchecked)

    def _on_row_selected(self) -> None:
        if not self._filling:
            self.selection.select(self.ui.viewsTable.currentRow())


def view_item(xray: XRayPreview, ticked: bool) -> Any:
    """The first cell of a row: picture, name and tick box."""
    item = qt.QTableWidgetItem(qt.QIcon(str(xray.picture)), xray.id)
    item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
    item.setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)
    item.setToolTip(_("Untick to leave this view out."))
    return item


def angle_text(angle: float, positive: str, negative: str) -> str:
    """An angle in degrees as C-arms display it, such as "35° LAO"."""
    return f"{abs(angle):.0f}° {positive if angle >= 0 else negative}" if round(angle) else "0°"


def pose_text(origin: str) -> str:
    """The origin of a pose in the table, from an entry of `Case.provenance` or the state after a run."""
    if origin.startswith("tags"):
        return _("DICOM\ntags")
    texts = {"": _("Given"), "fiducials": _("Fiducials"), "refined": _("Refined"), "left out": _("Left out")}
    return texts.get(origin, origin)


def large_picture(xray: XRayPreview) -> Pair:
    """The picture of an X-ray, and the same with its fiducials if there are any."""
    plain = Pair(xray.id, xray.picture, caption=" ".join(xray.warnings), view_id=xray.id)
    if xray.calibration is None:
        return plain
    key = _("Circle: where a ball was found. Cross: where it should be. Red: not found or not used.")
    caption = " ".join([key, accuracy_text(xray.calibration), *xray.warnings])
    marked = replace(plain, first=xray.fiducials_picture, caption=caption, fiducials=xray.calibration.fiducials)
    return replace(plain, switched=marked)


def pose_tip(xray: XRayPreview) -> str:
    """Where a pose comes from and, for fiducials, how well it is known."""
    tip = origin_tip(xray.poses)
    return tip if xray.calibration is None else f"{tip}\n{accuracy_text(xray.calibration)}"


def origin_tip(origin: str) -> str:
    """A sentence about the origin of a pose."""
    if origin.startswith("tags"):
        return _("Approximate, from DICOM tags{deviations}.").format(deviations=origin.removeprefix("tags"))
    tips = {
        "": _("As the case or its calibration gives it."),
        "fiducials": _("From metal balls that the X-ray shows."),
        "refined": _("From the X-rays themselves."),
    }
    return tips.get(origin, "")


def change_text(view: dict[str, Any]) -> str:
    """What a run did to the pose of a view, from its record."""
    if view["state"] == "left out":
        text = _("The run left this view out: it disagrees by {after} with the others (0: alike, 1: unrelated).")
    else:
        text = _(
            "Turned by {rotation}°, moved by {shift} mm parallel to the detector and {beam} mm along the beam. "
            "Disagreement with the other X-rays: {before} before, {after} after."
        )
    if view["state"] == "refined" and DEVIATIONS.keys() <= view.keys():
        text += "\n" + _("Standard deviations: {rotation_sd}°, {shift_sd} mm and {beam_sd} mm.")
    digits = {"rotation": 1, "shift": 1, "beam": 1, "before": 2, "after": 2} | DEVIATIONS
    return text.format(**{name: number_text(view.get(name), n) for name, n in digits.items()})
