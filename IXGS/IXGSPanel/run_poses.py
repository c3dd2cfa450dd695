"""The final poses of the run under review: where its X-rays were found to be, and how far that can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from IXGSLib.errors import FormatError, IXGSError
from IXGSLib.runs.records import RUN, final_views, read_record, refined_views

from .comparison import obstacle
from .folders import run_folder
from .labels import escaped, message_of
from .reading import Reading
from .selection import Selection
from .signal import Signal
from .state import PanelState
from .wording import panel_text

VIEW_KEYS = {"id", "state", "before", "after", "rotation", "shift", "beam"}
"""What a record says about each view."""


class RunPoses:
    """Gives the X-rays of section 1 the final poses of the run under review, if it was made from them.

    changed: emitted with what the run did to each view, by its id: entries of "views" in "refinement" of run.json.
    """

    def __init__(self, state: PanelState, selection: Selection) -> None:
        self.state, self.selection = state, selection
        self.changed = Signal()
        self._run: Path | None = None
        self._reading: Reading | None = None

    def update(self) -> None:
        run, reading = run_folder(self.state.parameters.volume), self.selection.reading
        if run == self._run and reading is self._reading:
            return
        self._run, self._reading = run, reading
        found = {}
        self.selection.take_final_poses({})
        if run is not None and not obstacle(run, reading):
            try:
                done = {view["id"]: view for view in refinement(run).get("views", ())}
                self.selection.take_final_poses(final_views(run), refined_views(read_record(run / RUN)))
                found = done
            except IXGSError:  # the review shows it, and the poses stay the given ones
                pass
        self.changed.emit(found)

    def close(self) -> None:
        self._run, self._reading = None, None


def refinement(run: Path) -> dict[str, Any]:
    """What a run recorded about the refinement of poses, empty without one; raises FormatError for another record."""
    found = read_record(run / RUN).get("refinement") or {}
    if found and not _is_complete(found):
        raise FormatError(f'{run / RUN}: "refinement" is incomplete, expected the record of `ixgs`; run it again')
    return found


def _is_complete(found: Any) -> bool:
    """Whether a record has all that is shown; records of later versions may have more."""
    if not (isinstance(found, dict) and {"verified", "doubts", "disagreement", "views"} <= found.keys()):
        return False
    between, views = found["disagreement"], found["views"]
    return (
        isinstance(between, dict)
        and {"before", "after"} <= between.keys()
        and isinstance(views, list)
        and all(isinstance(view, dict) and view.keys() >= VIEW_KEYS for view in views)
    )


def refinement_text(run: Path | None) -> str:
    """Whether the refined poses of a run can be trusted and why not, or nothing for a run with given poses."""
    if run is None:
        return ""
    try:
        found = refinement(run)
        final_views(run)
    except IXGSError as error:
        return _("<b>The poses of this run cannot be read.</b> {problem}").format(problem=message_of(error))
    return "<br>".join(_sentences(found)) if found else ""


def _sentences(found: dict[str, Any]) -> list[str]:
    moved = [view for view in found["views"] if view["state"] == "refined"]
    left_out = [view["id"] for view in found["views"] if view["state"] == "left out"]
    sentences = [_verdict(found, bool(moved)), _disagreement(found["disagreement"], bool(moved))]
    if moved:
        turn, shift = (_typical([view[name] for view in moved]) for name in ("rotation", "shift"))
        sentences.append(_("A typical X-ray turned by {turn}° and moved by {shift} mm.").format(turn=turn, shift=shift))
    if left_out:
        ids = escaped(", ".join(left_out))
        sentences.append(_("Left out, because they agree with no other X-ray: {ids}.").format(ids=ids))
    return sentences


def _verdict(found: dict[str, Any], moved: bool) -> str:
    if not found["verified"]:
        return _(
            "<b>The poses are not verified:</b> {doubts}. Compare the volume with its X-rays before you rely on it."
        ).format(doubts=escaped("; ".join(map(panel_text, found["doubts"]))))
    if moved:
        return _("<b>The poses were refined and are verified.</b>")
    return _("<b>The given poses are verified</b> and were changed little.")


def _disagreement(found: dict[str, Any], moved: bool) -> str:
    if moved:
        text = _("Disagreement of the X-rays: {before} before, {after} after (0: alike, 1: unrelated).")
    else:
        text = _("Disagreement of the X-rays: {after} (0: alike, 1: unrelated).")
    return text.format(**{name: number_text(value, 2) for name, value in found.items()})


def _typical(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number_text(float(np.median(known)) if known else None, 1)


def number_text(value: float | None, digits: int) -> str:
    """A number in a record, which is null where it could not be computed."""
    return "?" if value is None else f"{value:.{digits}f}"
