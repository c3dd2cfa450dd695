"""`ixgs reconstruct`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ..errors import IXGSError, ReconstructionError, SettingsError
from ..evaluation.reference import Reference, print_metrics
from ..formats.case_source import CaseFlags, evenly
from ..messages import RESEARCH_ONLY, noticed, one_line
from ..runs.events import Reporter, finite
from ..runs.folder import LOG, PREVIEW, RunFolder
from ..runs.provenance import case_record, surroundings
from ..runs.stopping import stop_asked, stop_at_end_of_input

if TYPE_CHECKING:
    from ..evaluation import Report
    from ..formats import Case
    from ..reconstruction import Reconstruction, ReconstructionSettings
    from ..reconstruction.result import Progress


@dataclass(frozen=True)
class Reconstruct:
    """Turn the X-rays of a case into a volume.

    Writes OUT/run.json (settings, versions, hashes), volume.nrrd (attenuation, 1/mm), gaussians.ply, bone.stl,
    report.html and, last, done.json (metrics, durations). Research use only. Not a medical device.
    """

    case: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CASE")]
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    out: Path
    """Folder for the result: new, empty, or an unfinished run with --resume."""
    preset: Literal["preview", "standard", "fine"] = "standard"
    """How much work is done: a first look, for use, the most that the X-rays can give."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute."""
    views: int | None = None
    """Use this many views, spread evenly over the case."""
    seed: int | None = None
    """Of everything random."""
    threads: int | None = None
    """Processor threads, all of them when not given."""
    json: bool = False
    """Progress as JSON lines on standard output, for programs."""
    stop_on_eof: bool = False
    """Stop when standard input ends: how the program that started this one cancels it."""
    resume: bool = False
    """Go on with the unfinished run in OUT."""
    settings: Path | None = None
    """JSON file with settings that replace those of the preset."""
    standardize: Literal["auto", "none", "classical", "pix2pix"] = "auto"
    """Reconstruct from bone-enhanced radiographs made of the X-rays, which are written to OUT/standardized; auto takes
    pix2pix for intensities and none for line integrals, classical needs no weights, none takes the X-rays as they
    are."""
    weights: Path | None = None
    """With --standardize: weights of pix2pix (.safetensors) in place of those that come with IXGS."""
    truth: Path | None = None
    """True volume (.nrrd) to compare with."""
    test: Path | None = None
    """test.json with X-rays to compare with, which are not used otherwise."""
    images: Annotated[CaseFlags, tyro.conf.arg(name="")] = field(default_factory=CaseFlags)

    def run(self) -> None:
        from ..calibration import examine
        from ..formats import save_case

        if self.stop_on_eof:
            stop_at_end_of_input()
        with Reporter(self.json) as reporter:
            with noticed() as messages:
                device = self._device()
                loaded = evenly(self.images.load(self.case), self.views)
                settings = self._settings(len(loaded.xrays))
                case = self._standardized(loaded, reporter)
                reference = Reference.load(self.truth, self.test).apart_from(case)
            found = examine(loaded).warnings
            case = replace(case, warnings=tuple(dict.fromkeys([*case.warnings, *messages, *found])))
            run = self._record(case, settings, reference, device)
            with RunFolder(self.out, run, self.resume) as folder:
                reporter.log = folder.path / LOG
                self._begin(reporter, case, settings, device)
                if case.standardization is not loaded.standardization:
                    folder.save_standardized(lambda whole: save_case(case, whole))
                try:
                    metrics = self._work(case, settings, reference, folder, reporter, device)
                except (IXGSError, KeyboardInterrupt):
                    if folder.resumable:
                        reporter.warn("what was done so far is kept; the same command with --resume goes on from there")
                    raise
        if not self.json:
            print_metrics(metrics)
            print(f"{self.out / 'report.html'}\n{RESEARCH_ONLY}")

    def _standardized(self, case: Case, reporter: Reporter) -> Case:
        """The case as --standardize asks for it."""
        from ..standardization import StandardizationSettings, standardize

        return standardize(
            case,
            StandardizationSettings(self.standardize, self.weights),
            lambda done, total: reporter.tell("progress", stage="standardization", step=done, steps=total),
        )

    def _device(self) -> Literal["cpu", "cuda"]:
        """Where to compute: what is asked for, or what works here."""
        from ..rendering.devices import chosen

        return "cuda" if chosen(self.device).type == "cuda" else "cpu"

    def _settings(self, views: int) -> ReconstructionSettings:
        """The preset's for a number of views, with what the file and the flags replace."""
        from ..reconstruction.settings import ReconstructionSettings, settings_for

        values = settings_for(self.preset).for_views(views).as_dict()
        if self.settings is not None:
            values |= settings_file(self.settings, values)
        if self.seed is not None:
            values["seed"] = self.seed
        return ReconstructionSettings.from_dict(values)

    def _record(
        self, case: Case, settings: ReconstructionSettings, reference: Reference, device: str
    ) -> dict[str, Any]:
        from ..compute.threads import set_thread_count, thread_count

        if self.threads is not None:
            import torch

            set_thread_count(self.threads)
            torch.set_num_threads(self.threads)
        return {
            **case_record(case),
            "references": reference.hashes,
            "preset": self.preset,
            "settings": settings.as_dict(),
            "seed": settings.seed,
            "device": {"asked": self.device, "used": device},
            "threads": thread_count(),
            "warnings": list(case.warnings),
            **surroundings(),
        }

    def _begin(self, reporter: Reporter, case: Case, settings: ReconstructionSettings, device: str) -> None:
        reporter.tell(
            "start", case=case.name, views=len(case.xrays), steps=settings.steps, seed=settings.seed, device=device
        )
        for message in case.warnings:
            reporter.warn(message)

    def _work(
        self,
        case: Case,
        settings: ReconstructionSettings,
        reference: Reference,
        folder: RunFolder,
        reporter: Reporter,
        device: Literal["cpu", "cuda"],
    ) -> dict[str, float | None]:
        """Reconstruct and write all outputs; returns the metrics."""
        from .. import reconstruction
        from ..evaluation.residuals import residual_warnings

        result = reconstruction.reconstruct(
            case,
            self.preset,
            settings=settings,
            on_progress=lambda progress: _tell(progress, folder, reporter),
            cancelled=stop_asked,
            checkpoints=folder.checkpoints,
            device=device,
        )
        for message in result.warnings:
            reporter.warn(message)
        reporter.tell("writing")
        renders = reference.renders(result.cloud)
        found, notes = reference.metrics(result.volume, renders)
        metrics: dict[str, float | None] = {**result.metrics, **found}
        for message in (*notes, *residual_warnings(case.xrays, result.renders, case.standardization is not None)):
            reporter.warn(message)
        _write_volumes(result, folder, reporter.warn)
        report = _report(result, case, reference, renders, metrics)
        self._write_report(report, folder, reporter)
        done = finite({"metrics": metrics, "durations": result.durations, "warnings": reporter.warned})
        folder.finish(done)
        reporter.tell("done", **done)
        return metrics

    def _write_report(self, report: Report, folder: RunFolder, reporter: Reporter) -> None:
        from ..evaluation import write_report

        credit = (self.case if self.case.is_dir() else self.case.parent) / "CREDIT.txt"
        text = credit.read_text(encoding="utf-8", errors="replace") if credit.is_file() else ""
        report = replace(report, credit=text, warnings=tuple(reporter.warned))
        folder.save("report.html", lambda path: write_report(report, path))


def _tell(progress: Progress, folder: RunFolder, reporter: Reporter) -> None:
    """Progress as an event; with `preview`, the name of the file, once there is a new one."""
    if progress.volume is None:
        reporter.tell("progress", **progress.as_dict())
    else:
        folder.save(PREVIEW, progress.volume.save)
        reporter.tell("progress", **progress.as_dict(), preview=PREVIEW)


def settings_file(path: Path, known: dict[str, Any]) -> dict[str, Any]:
    """The settings in a JSON file; raises SettingsError for a name or a kind of value that is not in `known`."""
    from ..formats.strict_json import read_json

    values = read_json(path)
    if not isinstance(values, dict):
        raise SettingsError(f'{path.name}: no JSON object, expected {{"name": value}} with settings')
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(f"{path.name}: unknown settings {', '.join(unknown)}; known are {', '.join(known)}")
    for name, value in values.items():
        if not _fits(value, known[name]):
            raise SettingsError(f"{path.name}: {name} is {value!r}, expected a value like {known[name]!r}")
    return values


def _fits(value: Any, example: Any) -> bool:
    """Whether a value is of the kind of an example; a whole number also stands for a float, None for no count."""
    if example is None:
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    if isinstance(example, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(example)


def _write_volumes(result: Reconstruction, folder: RunFolder, warn: Callable[[str], None]) -> None:
    from ..gaussians.ply import save_ply
    from ..volume.bone import bone_surface

    folder.save("volume.nrrd", result.volume.save)
    folder.save("gaussians.ply", lambda path: save_ply(result.cloud, path))
    try:
        surface = bone_surface(result.volume)
    except ReconstructionError as error:
        warn(f"no bone.stl: {one_line(error)}")
    else:
        folder.save("bone.stl", surface.save)


def _report(
    result: Reconstruction, case: Case, reference: Reference, renders: list[Any], metrics: dict[str, float | None]
) -> Report:
    """The report; views for testing stand beside those of the case, marked as not used."""
    from ..evaluation import Report

    test = reference.test.xrays if reference.test else ()
    unused = () if result.settings.refit_steps else result.held_out
    return Report(
        title=case.name or "Reconstruction",
        volume=result.volume,
        xrays=[*case.xrays, *test],
        renders=[*result.renders, *renders],
        truth=reference.truth,
        held_out=[*unused, *(xray.view.id for xray in test)],
        metrics=metrics,
        settings=result.settings.as_dict(),
        durations=result.durations,
        versions={"IXGS": surroundings()["ixgs"], **surroundings()["packages"]},
        standardization=case.standardization,
    )
