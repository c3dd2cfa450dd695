"""`ixgs estimate`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import ReconstructionError, alarms_and_notices
from ..files import check_new_folder, write_atomically, write_folder
from ..formats.case_source import CaseOptions, evenly
from ..messages import RESEARCH_ONLY, collect_warnings, one_line, unique
from ..runs.events import Reporter
from ..runs.stopping import stop_at_end_of_input
from .displays import display, tell
from .standardize import progress_to

if TYPE_CHECKING:
    from ..formats import Case
    from ..prior.expectation import Expectation


@dataclass(frozen=True)
class Estimate:
    """Estimate the bone that X-rays show within seconds, from as few as two, by the learnt prior alone.

    Writes OUT/volume.nrrd (attenuation of bone, 1/mm), expected_error.nrrd, bone.stl and estimate.json. Nothing is
    fitted to the X-rays: for a first look, before `ixgs reconstruct`. Research use only. Not a medical device.
    """

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    out: Path
    """Folder for the result: new or empty."""
    views: int | None = None
    """Use only this many views, spread evenly over the case."""
    weights: Path | None = None
    """Weights of the network that standardises the X-rays (.safetensors), in place of those that come with IXGS."""
    prior_weights: Path | None = None
    """Weights of the bone network (.safetensors), in place of those that come with IXGS."""
    json: bool = False
    """Report progress on standard output as one JSON object per line."""
    stop_on_eof: bool = False
    """Stop when standard input ends, so that the program that started this one can cancel it."""
    images: Annotated[CaseOptions, tyro.conf.arg(name="")] = field(default_factory=CaseOptions)

    def run(self) -> None:
        from ..runs.case_loading import load_case

        check_new_folder(self.out)
        if self.stop_on_eof:
            stop_at_end_of_input()
        with Reporter(display(self.json)) as reporter:
            with collect_warnings() as messages:
                case = evenly(load_case(self.images, self.case, note=reporter.note), self.views)
                began = time.perf_counter()
                case = self._standardized(case, reporter)
                between = time.perf_counter()
                found = self._expected(case)
                durations = {"standardization": between - began, "prior": time.perf_counter() - between}
            messages = list(unique(case.warnings, messages))
            for message in messages:
                reporter.warn(message)
            record = self._record(case, found, durations, messages)
            folder = write_folder(self.out, lambda whole: self._write(found, whole, record, reporter))
            reporter.report("done", case=case.name, views=len(case.xrays), durations=durations)
        if not self.json:
            tell(f"{folder}: bone from {len(case.xrays)} X-rays in {sum(durations.values()):.1f} s\n{RESEARCH_ONLY}")

    def _standardized(self, case: Case, reporter: Reporter) -> Case:
        from ..standardization import StandardizationSettings, standardize

        if case.standardization is not None and case.standardization.synthetic:
            return case
        return standardize(case, StandardizationSettings("pix2pix", self.weights), progress_to(reporter))

    def _expected(self, case: Case) -> Expectation:
        from ..prior.expectation import expected_bone

        found = expected_bone(case, "learnt", self.prior_weights)
        assert found is not None  # learnt raises where it cannot be used
        return found

    def _record(
        self, case: Case, found: Expectation, durations: dict[str, float], messages: list[str]
    ) -> dict[str, object]:
        from ..runs.provenance import case_record, environment_record

        alarms, notices = alarms_and_notices(messages)
        return {
            "format": "ixgs-estimate",
            "version": 1,
            **case_record(case),
            "prior": found.about,
            "durations": durations,
            "warnings": alarms,
            "notices": notices,
            **environment_record(),
        }

    def _write(self, found: Expectation, folder: Path, record: dict[str, object], reporter: Reporter) -> None:
        from ..volume.bone import bone_surface

        prior = found.estimate.prior
        prior.bone.save(folder / "volume.nrrd")
        prior.error.save(folder / "expected_error.nrrd")
        try:
            bone_surface(prior.bone).save(folder / "bone.stl")
        except ReconstructionError as error:
            reporter.warn(f"no bone.stl: {one_line(error)}")
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomically(folder / "estimate.json", text.encode())
