"""The result of a registration: verdicts in a table, the selected vertebra in 3D, and outlines over the X-rays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from IXGSLib.errors import IXGSError
from IXGSLib.registration.record import REPORT, MotionRecord, RegistrationRecord, VertebraRecord
from IXGSLib.scene.registrations import highlight, record_of, vertebrae_of

from .labels import escaped, message_of, set_text, text_of
from .outlined_views import OutlinedViews
from .run_poses import number_text
from .signal import Signal
from .state import PanelState
from .wording import panel_text

NAME, VERDICT, EDGES, MOVED = range(4)


class RegistrationResult:
    """The table and the pictures of the registration that is chosen.

    selected: emitted after another vertebra was selected, or none.
    """

    def __init__(self, ui: Any, state: PanelState) -> None:
        self.ui, self.state = ui, state
        self.selected = Signal()
        self.record: RegistrationRecord | None = None
        self.node: Any = None
        self._filling = False
        self.views = OutlinedViews(ui, state)
        ui.registration.addAttribute("vtkMRMLTextNode", "IXGS.Registration")
        ui.openRegistrationReport.connect("clicked()", self.open_report)
        ui.vertebraeTable.connect("itemSelectionChanged()", self._on_row_selected)
        header = ui.vertebraeTable.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(MOVED, qt.QHeaderView.Stretch)  # never wider than the table
        self._take(None)

    @property
    def name(self) -> str | None:
        """The vertebra that is selected."""
        row = self.ui.vertebraeTable.currentRow()
        return None if self.record is None or row < 0 else self.record.vertebrae[row].name

    @property
    def transform(self) -> Any:
        """The transform of the vertebra that is selected, None where there is none."""
        nodes = None if self.name is None else vertebrae_of(self.node).get(self.name)
        return None if nodes is None else nodes.transform

    @property
    def folder(self) -> Path | None:
        """The folder of the registration, if it is on this computer."""
        from IXGSLib.scene.runs import RUN_FOLDER

        folder = None if self.node is None else self.node.GetAttribute(RUN_FOLDER)
        return Path(folder) if folder and Path(folder).is_dir() else None

    def update(self) -> None:
        if self.state.parameters.registration is not self.node:
            self._take(self.state.parameters.registration)
        self.views.update()

    def _take(self, node: Any) -> None:
        """Show another registration, or none."""
        self._unhighlight()
        self.node, self.record, problem = node, None, ""
        if node is not None:
            try:
                self.record = record_of(node)
            except IXGSError as error:
                problem = message_of(error)
        self._fill()
        set_text(self.ui.registrationMessage, problem or self._summary())
        folder = self.folder
        self.ui.openRegistrationReport.enabled = folder is not None and (folder / REPORT).is_file()
        self.views.take(folder, self.record, self.name)
        self._show_selected()

    def _fill(self) -> None:
        table, record = self.ui.vertebraeTable, self.record
        self._filling = True
        table.visible = record is not None
        table.setRowCount(0 if record is None else len(record.vertebrae))
        for row, vertebra in enumerate(() if record is None else record.vertebrae):
            motion, known = record.motion(vertebra.name), known_motion(vertebra.name, record)
            texts = {NAME: vertebra.name, VERDICT: verdict_text(vertebra), EDGES: _mm(vertebra.edges)}
            texts[MOVED] = "" if known is None else f"{known.rotation:.1f}° {known.shift:.1f} mm"
            for column, text in texts.items():
                item = qt.QTableWidgetItem(text)
                item.setToolTip(vertebra_tip(vertebra, motion))
                if column in (EDGES, MOVED):
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                if not vertebra.verified and column in (NAME, VERDICT):
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                table.setItem(row, column, item)
        if record is not None:
            table.selectRow(next((n for n, each in enumerate(record.vertebrae) if not each.verified), 0))
        self._filling = False

    def _summary(self) -> str:
        if self.record is None:
            return _("There is no registration yet: choose a CT and press Register, or load a registration.")
        vertebrae = self.record.vertebrae
        verified = [vertebra.name for vertebra in vertebrae if vertebra.verified]
        if len(verified) == len(vertebrae):
            return _("All {count} vertebrae are verified.").format(count=len(vertebrae))
        if verified:
            return _("{count} of {total} vertebrae are verified. Do not rely on the place of the others.").format(
                count=len(verified), total=len(vertebrae)
            )
        return _("<b>No vertebra is verified.</b> {reason}").format(reason=_sentence(common_doubt(self.record)))

    def _on_row_selected(self) -> None:
        if not self._filling:
            self._show_selected()

    def _show_selected(self) -> None:
        """Highlight the selected vertebra, and say what is known of it."""
        vertebra = self._vertebra()
        set_text(self.ui.vertebraMessage, "" if vertebra is None else vertebra_text(vertebra, self.record))
        if self.node is not None and self.record is not None:
            highlight(self.node, self.name)
        self.views.choose(self.name)
        self.selected.emit()

    def _vertebra(self) -> VertebraRecord | None:
        if self.record is None:
            return None
        return next((each for each in self.record.vertebrae if each.name == self.name), None)

    def _unhighlight(self) -> None:
        if self.node is not None and self.record is not None and self.node.GetScene() is not None:
            highlight(self.node, None)

    def open_report(self) -> None:
        if self.folder is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.folder / REPORT)))

    def close(self) -> None:
        self.node = self.record = None  # the scene is closed, and its nodes with it
        self._take(None)


def known_motion(name: str, record: RegistrationRecord) -> MotionRecord | None:
    """The motion of a vertebra against the one below, None unless both are verified."""
    motion, verified = record.motion(name), {each.name for each in record.vertebrae if each.verified}
    return motion if motion is not None and {motion.upper, motion.lower} <= verified else None


def verdict_text(vertebra: VertebraRecord) -> str:
    return _("Verified") if vertebra.verified else _("Not verified")


def common_doubt(record: RegistrationRecord) -> str:
    """Why no vertebra is verified: the first doubt, which is about all of them if there is such a doubt."""
    return next((vertebra.doubts[0] for vertebra in record.vertebrae if vertebra.doubts), "")


def vertebra_text(vertebra: VertebraRecord, record: RegistrationRecord) -> str:
    """The verdict on a vertebra with its reasons, and its motion since the CT."""
    if vertebra.verified:
        verdict = _("<b>{name} is verified.</b>").format(name=escaped(vertebra.name))
    else:
        reasons = _sentence("; ".join(vertebra.doubts))
        verdict = _("<b>{name} is not verified.</b> {reasons}").format(name=escaped(vertebra.name), reasons=reasons)
    motion = known_motion(vertebra.name, record)
    return verdict if motion is None else f"{verdict} {motion_text(motion)}"


def motion_text(motion: MotionRecord) -> str:
    return _("Since the CT it has turned by {turn:.1f}° and moved by {shift:.1f} mm against {lower}.").format(
        turn=motion.rotation, shift=motion.shift, lower=escaped(motion.lower)
    )


def vertebra_tip(vertebra: VertebraRecord, motion: MotionRecord | None) -> str:
    """The numbers behind a verdict, and the parts of a motion."""
    lines = [
        _("Residual {residual} (0: alike, 1: unrelated), edges {edges}, restarts within {spread}.").format(
            residual=number_text(vertebra.residual, 2), edges=_mm(vertebra.edges), spread=_mm(vertebra.spread, 2)
        ),
        *map(_sentence, vertebra.doubts),
    ]
    if motion is not None:
        form = _(
            "Against {lower} since the CT: flexion {flexion:.1f}°, bending {bending:.1f}°, torsion {torsion:.1f}°; to "
            "the left {left:.1f} mm, to the back {posterior:.1f} mm, up {superior:.1f} mm."
        )
        lines.append(form.format(**vars(motion)))
    return "\n".join(lines)


def _sentence(text: str) -> str:
    """A message of the library as a sentence."""
    return text_of(panel_text(text)) if text else ""


def _mm(value: float | None, digits: int = 1) -> str:
    return f"{number_text(value, digits)} mm"
