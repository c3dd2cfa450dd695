"""The report of a reconstruction: one self-contained HTML page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SettingsError
from ..files import write_atomically
from ..formats.calibration_record import CalibrationRecord
from ..formats.standardization import Standardization
from ..geometry.coverage import views_per_point, widest_angle
from ..geometry.rigid import Array
from ..volume import Volume
from ..volume.bone import bone_threshold
from ..volume.resampling import resample
from ..xray import XRay
from . import sections, standardized
from .confidence_section import confidence_section
from .gantry import gantry_plot
from .labels import label
from .metrics import ViewMetrics, compare_views
from .page import DISCLAIMER, facts, page, section, table
from .planes import focus
from .poses import origins_html, poses_html
from .prior_section import prior_section
from .trust_section import trust_section

if TYPE_CHECKING:
    from ..calibration.refinement import Refinement
    from .confidence import Confidence
    from .prior_share import PriorShare
    from .trust import Trust


@dataclass(frozen=True, eq=False)
class Report:
    """The content of a report.

    renders: (h, w) float32 line integrals, one for each X-ray in the same order.
    truth: the true volume, if it is known; shown in the same slices as the volume.
    held_out: ids of the views that were not used for the reconstruction.
    metrics, settings: values by name, which may be nested; None is shown as a dash.
    trust: the verdict on the volume, if there is one. confidence: that of each voxel, if it is known.
    prior: where a learnt prior decided, if one was used.
    notices: what every such input brings along, and is no warning.
    notes: further sentences about the run.
    reasons: why a setting differs from the preset, by its name. durations: seconds by name. credit: data credit.
    standardization: how the X-rays were standardised, if they were. refinement: that of the poses, if there was one.
    provenance, calibration: where poses come from, as in `Case`. test_views: ids of the views beside those of the case.
    bone_threshold: attenuation in 1/mm above which the pictures show bone; by default that of `bone_threshold`.
    Raises SettingsError where renders or held-out ids do not match the X-rays.
    """

    title: str
    volume: Volume
    xrays: Sequence[XRay]
    renders: Sequence[np.ndarray]
    truth: Volume | None = None
    held_out: Sequence[str] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    trust: Trust | None = None
    confidence: Confidence | None = None
    prior: PriorShare | None = None
    warnings: Sequence[str] = ()
    notices: Sequence[str] = ()
    notes: Sequence[str] = ()
    durations: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    credit: str = ""
    bone_threshold: float | None = None
    standardization: Standardization | None = None
    refinement: Refinement | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    calibration: CalibrationRecord | None = None
    test_views: Sequence[str] = ()

    def __post_init__(self) -> None:
        ids = [xray.view.id for xray in self.xrays]
        if not ids or len(self.renders) != len(ids):
            raise SettingsError(f"report: {len(self.renders)} renders for {len(ids)} X-rays, expected one for each")
        for id, render in zip(ids, self.renders, strict=True):
            if not np.isfinite(render).all():
                raise SettingsError(f"report: the render of view '{id}' holds NaN or infinite values; render it again")
        unknown = sorted(set(self.held_out) - set(ids))
        if unknown:
            raise SettingsError(f"report: held-out views {', '.join(unknown)} are not among the X-rays")


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write the report atomically as one self-contained HTML page."""
    write_atomically(path, report_html(report).encode("utf-8", "replace"))


def report_html(report: Report) -> str:
    """The report as HTML: pictures embedded, every text escaped, no external addresses."""
    if report.truth is not None:
        report = replace(report, truth=resample(report.truth, report.volume.grid))
    quality = compare_views(report.renders, report.xrays)
    point = focus(report.volume)
    parts = [
        _head(report, quality, point),
        "" if report.trust is None else trust_section(report.trust),
        _results(report),
        _anatomy(report, point),
        _confidence(report, point),
        _prior(report, point),
        _standardized(report),
        _views(report, quality),
        _coverage(report, quality, point),
        _poses(report),
        section("Settings", _settings(report)),
        section("Run", _run(report)),
        _foot(report),
    ]
    return page(report.title, "\n".join(part for part in parts if part))


def _head(report: Report, quality: ViewMetrics, point: Array) -> str:
    grid = report.volume.grid
    held = [value for id, value in zip(quality.ids, quality.psnr, strict=True) if id in report.held_out]
    defined = [value for value in held if not np.isnan(value)]
    sides = " × ".join(f"{side:.0f}" for side in grid.size)
    numbers = [
        ("Views used", str(len(report.xrays) - len(held))),
        ("Views held out", str(len(held))),
        ("Widest angle", f"{widest_angle([xray.view for xray in _used(report)], point):.0f}°"),
        ("Region", f"{sides} mm"),
        ("Voxel", " × ".join(f"{step:.3g}" for step in sorted(set(grid.spacing.tolist()))) + " mm"),
        (
            "Held-out PSNR" if held else "View PSNR",
            sections.decibels(float(np.mean(defined)) if defined else quality.mean_psnr if not held else np.nan),
        ),
    ]
    warned, noticed = _list("warnings", report.warnings), _list("notices", report.notices)
    noted = "".join(f"<p>{escape(text[:1].upper() + text[1:])}</p>\n" for text in report.notes)
    return (
        f'<h1>{escape(report.title)}</h1>\n<p class="soft">3D reconstruction from X-rays by radiative Gaussians</p>\n'
        f'<p class="notice">{DISCLAIMER}</p>\n' + warned + noticed + noted + facts(numbers)
    )


def _list(kind: str, messages: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in messages)
    return f'<ul class="{kind}">{items}</ul>\n' if items else ""


def _results(report: Report) -> str:
    rows = []
    for name, value in _flat(report.metrics):
        title, unit, meaning = label(name)
        rows.append([title, f"{value} {unit}".strip() if value != "–" else value, meaning])
    return section("Accuracy", table(["Metric", "Value", "Meaning"], rows, numbers=(1,)))


def _anatomy(report: Report, point: Array) -> str:
    levels = sections.window(report.truth or report.volume)
    intro = (
        f"<p>Slices through the median position of the bone. Black is an attenuation of {levels[0]:g}, white of "
        f"{levels[1]:.3f} 1/mm. Radiological convention: the patient's right is on the left of the picture.</p>"
    )
    volumes = [("Reconstruction", report.volume)]
    if report.truth is not None:
        volumes.append(("Truth", report.truth))
    heads = {name: f"<h3>{name}</h3>" if report.truth is not None else "" for name, _ in volumes}
    cuts = "".join(heads[name] + sections.slices(volume, point, levels, name) for name, volume in volumes)
    level = bone_threshold(report.volume) if report.bone_threshold is None else report.bone_threshold
    surfaces = "".join(heads[name] + sections.bones(volume, name, level) for name, volume in volumes)
    return section("Slices", intro, cuts) + section(
        "Bone", f"<p>Everything above {level:g} 1/mm, in parallel projection.</p>", surfaces
    )


def _confidence(report: Report, point: Array) -> str:
    if report.confidence is None:
        return ""
    return confidence_section(report.confidence, point, sections.window(report.truth or report.volume))


def _prior(report: Report, point: Array) -> str:
    if report.prior is None:
        return ""
    return prior_section(report.prior, point, sections.window(report.truth or report.volume))


def _standardized(report: Report) -> str:
    if report.standardization is None or not report.standardization.synthetic:
        return ""
    views = standardized.standardized_views(
        report.standardization, report.xrays, report.renders, report.volume.grid.center
    )
    if not views:
        return ""
    return section(
        "Standardised X-rays",
        standardized.intro(report.standardization),
        standardized.view_table(views),
        "<h3>Views</h3>",
        standardized.comparisons(views, report.held_out),
    )


def _views(report: Report, quality: ViewMetrics) -> str:
    made = report.standardization
    names = {id for id in quality.ids if made is not None and made.synthetic and made.names(id)}
    shown = [n for n, id in enumerate(quality.ids) if id not in names]
    if not shown:
        return ""
    intro = (
        "<p>Each X-ray beside the render of the reconstruction from the same pose, both in line integrals and in the "
        "same grey window. The letters name the side of the patient at each edge.</p>"
        '<p><span class="swatch"></span> not measured: saturated or behind a collimator; excluded from all numbers.</p>'
    )
    xrays, renders = [report.xrays[n] for n in shown], [report.renders[n] for n in shown]
    return section(
        "X-rays and renders", intro, sections.comparisons(xrays, renders, report.held_out, quality.part(shown))
    )


def _coverage(report: Report, quality: ViewMetrics, point: Array) -> str:
    grid = report.volume.grid
    views = [xray.view for xray in _used(report)]
    counts = views_per_point(views, grid.with_spacing(float(grid.size.max()) / 16).points())
    text = (
        f"<p>A point of the region is seen by {int(counts.min())} to {int(counts.max())} of the {len(views)} views "
        f"used (median {float(np.median(counts)):.0f}). The widest angle between two lines of sight through the centre "
        f"of the bone is {widest_angle(views, point):.0f} degrees (90 is best).</p>"
    )
    head = ["View", "Use", "Gantry", "Region seen", "Measured", "PSNR", "SSIM"]
    rows = sections.view_rows(report.xrays, report.volume, report.held_out, quality)
    plot = gantry_plot([xray.view for xray in report.xrays], report.held_out)
    note = '<p class="soft">Gantry angles of all views; hollow circles are held out.</p>' if report.held_out else ""
    return section(
        "Coverage",
        text,
        sections.coverage(views, report.volume, point, sections.window(report.truth or report.volume)),
        f"<h3>Views</h3>{note}{plot}",
        table(head, rows, numbers=(3, 4, 5, 6)),
    )


def _poses(report: Report) -> str:
    """Where the poses of the views of the case come from; views that only test the volume are not among them."""
    ids = [xray.view.id for xray in report.xrays if xray.view.id not in report.test_views]
    refined = poses_html(report.refinement) if report.refinement is not None else ""
    return section("Poses", origins_html(ids, report.provenance, report.calibration), refined)


def _run(report: Report) -> str:
    times = table(["Step", "Duration"], [[name, _duration(s)] for name, s in report.durations.items()], numbers=(1,))
    versions = table(["Software", "Version"], [[name, str(v)] for name, v in report.versions.items()])
    return f'<div class="pair">{times}{versions}</div>' if times or versions else ""


def _foot(report: Report) -> str:
    credit = f"<p>Data: {escape(report.credit)}</p>" if report.credit else ""
    return f"<footer>{credit}<p>{DISCLAIMER} Written by IXGS.</p></footer>"


def _used(report: Report) -> list[XRay]:
    """The X-rays of the reconstruction; all of them where every view is held out."""
    return [xray for xray in report.xrays if xray.view.id not in report.held_out] or list(report.xrays)


def _settings(report: Report) -> str:
    """The settings that were used, with the reason where one differs from the preset."""
    rows = [[*row, report.reasons.get(row[0], "")] for row in _flat(report.settings)]
    return table(["Setting", "Value", "Why it differs from the preset"], rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    """[name, text] of every value, with nested names joined by dots."""
    rows: list[list[str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append([f"{prefix}{name}", _text(value)])
    return rows


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
