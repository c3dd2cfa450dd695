"""Loading a case, with conventions of DICOM tags that its X-rays choose where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.case_source import CaseOptions

if TYPE_CHECKING:
    from ..compute.device import Device
    from ..formats import Case


def load_case(
    options: CaseOptions,
    path: Path,
    device: Device = "auto",
    report: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> Case:
    """The case at a path; with `auto` as its tag conventions, its X-rays choose them (`Case.tag_choice`).

    report: called with the number of finished previews and of all, where the choice needs some. note: called with
    the choice, if there is one; what was not decided is a warning of the case.
    Raises what the readers raise, Cancelled when the user asks to stop.
    """
    from ..formats.dicom_folder import holds_dicom
    from ..formats.tagged_xrays import TaggedXRays
    from .tag_choice import choose

    if not options.automatic or options.calibration is not None or not holds_dicom(path):
        return options.load(path)
    tagged = TaggedXRays.read(path, values=options.values, i0=options.i0, file_names=options.file_names)
    choice = choose(tagged.without(options.leave_out), device, report)
    case = replace(options, tag_conventions=choice.names).load(path)
    if note is not None and choice.decided:
        note(choice.sentence)
    provenance = {view.id: choice.provenance for view in case.views}
    return replace(case, tag_choice=choice, provenance=provenance).with_warnings(choice.warnings)
