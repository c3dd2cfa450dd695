"""The report of a registration: one self-contained HTML page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from html import escape

from ..evaluation.page import DISCLAIMER, facts, figure, page, section, table
from .motion import Motion
from .result import Registration, VertebraPose
from .verdict import least_overlap


def report_html(registration: Registration, pictures: Mapping[str, bytes], credit: str = "") -> str:
    """The page; pictures: PNG of every view by its id. credit: of the X-rays."""
    title = f"{registration.case.name}: a CT registered to its X-rays"
    verified = sum(vertebra.verified for vertebra in registration.vertebrae)
    margin = "–" if registration.margin != registration.margin else f"{100 * registration.margin:.0f} %"
    numbers = [
        ("Vertebrae verified", f"{verified} of {len(registration.vertebrae)}"),
        ("Views", str(len(registration.case.xrays))),
        ("Residual of all", f"{registration.residual:.3f}"),
        ("Margin", margin),
        ("Time", f"{sum(registration.seconds.values()):.1f} s"),
    ]
    warned = "".join(f"<li>{escape(text)}</li>" for text in registration.warnings)
    head = (
        f'<h1>{escape(title)}</h1>\n<p class="notice">{DISCLAIMER}</p>\n<p>{escape(registration.summary)}</p>\n'
        + (f'<ul class="warnings">{warned}</ul>\n' if warned else "")
        + facts(numbers)
    )
    footer = f"<p>Data: {escape(credit)}</p>" if credit else ""
    parts = [
        head,
        section("Vertebrae", _meaning(registration), _vertebrae(registration)),
        section("Motion since the CT", MOTION_TEXT, _motions(registration)),
        section("Outlines on the X-rays", _overlays(pictures)),
        section("Settings", _settings(registration)),
        section(
            "Run", table(["Stage", "Duration"], [[k, f"{v:.1f} s"] for k, v in registration.seconds.items()], (1,))
        ),
        f"<footer>{footer}<p>{DISCLAIMER} Written by IXGS.</p></footer>",
    ]
    return page(title, "\n".join(part for part in parts if part))


MOTION_TEXT = (
    "<p>The motion of each vertebra against the one below, from the CT to the X-rays, in the CT's axes: flexion "
    "forward, bending and torsion towards the patient's left are positive; the shift is that of the point midway "
    "between the two centres.</p>"
)


def _meaning(registration: Registration) -> str:
    settings = registration.settings
    text = (
        "Residual: 1 minus the correlation of the gradients of X-rays and CT, mean over the views. Edges: median "
        f"distance between the edges of the vertebra and those of the X-rays; up to "
        f"{settings.max_single_edge_distance:g} mm is verified if the median of all vertebrae is at most "
        f"{settings.max_edge_distance:g} mm. Spread: how far {settings.restarts} restarts end from the result; up to "
        f"{settings.max_spread:g} mm is verified."
    )
    if registration.alternative:
        text += (
            f" Margin: by how much the residual of all X-rays grows for the best alternative "
            f"({registration.alternative}); at least {100 * settings.min_margin:.0f} % is verified."
        )
    return f"<p>{escape(text)}</p>"


def _vertebrae(registration: Registration) -> str:
    head = ["Vertebra", "Verdict", "Residual", "Edges", "Spread", "Seen"]
    rows = [_row(registration, vertebra) for vertebra in registration.vertebrae]
    return table(head, rows, numbers=(2, 3, 4, 5))


def _row(registration: Registration, vertebra: VertebraPose) -> list[str]:
    least = least_overlap(vertebra.label, registration.settings)
    seen = sum(share >= least for share in vertebra.overlap.values())
    numbers = (
        number(vertebra.residual, ".2f"),
        number(vertebra.edges, ".1f", " mm"),
        number(vertebra.spread, ".2f", " mm"),
    )
    return [vertebra.name, vertebra.verdict, *numbers, f"{seen} of {len(vertebra.overlap)} views"]


def number(value: float, form: str, unit: str = "") -> str:
    """A number as text, a dash where there is none."""
    return f"{value:{form}}{unit}" if abs(value) < float("inf") else "–"


def _motions(registration: Registration) -> str:
    head = ["Level", "Rotation", "Flexion", "Bending", "Torsion", "Shift", "Left", "Posterior", "Superior"]
    return table(head, [motion_row(motion) for motion in registration.motions], numbers=range(1, 9))


def motion_row(motion: Motion) -> list[str]:
    """The motion of a level as texts."""
    degrees = (motion.rotation, motion.flexion, motion.bending, motion.torsion)
    lengths = (motion.shift, motion.left, motion.posterior, motion.superior)
    return [
        f"{motion.upper}–{motion.lower}",
        *(f"{value:.1f}°" for value in degrees),
        *(f"{value:.1f} mm" for value in lengths),
    ]


def _overlays(pictures: Mapping[str, bytes]) -> str:
    figures = [
        figure(
            f'<img style="width:100%" alt="outlines in view {escape(id)}" '
            f'src="data:image/png;base64,{base64.b64encode(data).decode("ascii")}">',
            f"view {id}",
        )
        for id, data in pictures.items()
    ]
    return f'<div class="cards">{"".join(figures)}</div>'


def _settings(registration: Registration) -> str:
    return table(["Setting", "Value"], [[name, str(value)] for name, value in asdict(registration.settings).items()])
