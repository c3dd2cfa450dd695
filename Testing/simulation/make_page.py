"""Draws the pictures of simulated X-rays in Resources/Screenshots; it takes some minutes.

simulated_xrays.png: one CT as different C-arms show it. real_and_simulated_xrays.png: real X-rays above simulated ones
of other patients. Needs the CTs and the X-rays in the data folder beside the checkout, of which it shows only what may
enter the project, with its credit in CREDIT.txt: python Testing/simulation/make_page.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.anatomy import draw_anatomy
from IXGSLib.simulation.body import Body, body
from IXGSLib.simulation.realistic import Radiograph, Subject, radiograph
from IXGSLib.simulation.spine import spine
from IXGSLib.volume.images import read_image

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
OVARY, LUNG = "ct_tcga_ov_09_2043", "ct_lidc_0314"
WIDTH = 12.0
"""Of a page, in hundreds of pixels."""
NEAR, FAR = CArm(detector_pixels=(512, 512)), CArm(1600, 1830, (640, 640), 300)


@dataclass(frozen=True)
class Real:
    """A real X-ray: file, left upper corner and side of the square that is shown, percentiles of black and of white."""

    file: str
    square: tuple[int, int, int]
    caption: str
    window: tuple[float, float] = (0, 100)


@dataclass(frozen=True)
class Simulated:
    """A CT, how far up its spine and how many mm behind it the C-arm is centred, gantry angles, C-arm and settings.

    anatomy: the seed of the anatomy that is drawn from the CT; its own without one.
    """

    ct: str
    along: float
    angles: tuple[float, float]
    settings: ImagingSettings
    caption: str
    arm: CArm = NEAR
    behind: float = 0.0
    anatomy: int | None = None


C_ARM = ImagingSettings()
WALL = ImagingSettings(
    kvp=110,
    quanta=30_000,
    focal_spot=0.8,
    mtf50=2.5,
    glare=0.02,
    field="open",
    table=0,
    window=(0.5, 99.9),
    gamma=1.1,
    edge_amount=1.0,
    edge_width=10,
)
"""A radiography room: a large, quiet detector, and software that evens out the brightness of large parts."""
SCOUT = ImagingSettings(
    kvp=120,
    quanta=12_000,
    mtf50=2.5,
    scatter=0,
    glare=0,
    field="open",
    window=(0, 100),
    gamma=1.3,
    edge_amount=6,
    edge_width=3,
)
"""The scout of a CT scanner: a slit, so no scatter."""

SETTINGS = (
    Simulated(OVARY, 0.55, (0, 0), C_ARM, "80 kV, flat panel"),
    Simulated(
        OVARY,
        0.5,
        (90, 0),
        replace(C_ARM, kvp=100, quanta=6000, window=(2, 99.9), edge_amount=2, edge_width=8),
        "lateral, 100 kV",
    ),
    Simulated(
        OVARY,
        0.55,
        (25, 8),
        replace(C_ARM, field="round", implants=("screws",), glare=0.15),
        "pedicle screws, round field",
    ),
    Simulated(
        OVARY,
        0.55,
        (-15, -10),
        replace(
            C_ARM,
            field="round",
            inverted=False,
            implants=("wires", "balls"),
            metal="steel",
            quanta=400,
            gamma=0.8,
            glare=0.15,
        ),
        "fluoroscopy, K-wires, balls",
    ),
    Simulated(
        OVARY,
        0.55,
        (180, 0),
        replace(C_ARM, quanta=200, field_size=0.7, field_angle=8, inverted=False, edge_amount=0.2),
        "low dose, collimated",
    ),
    Simulated(
        OVARY,
        0.55,
        (-40, 12),
        replace(C_ARM, kvp=70, logarithmic=False, inverted=False, edge_amount=1.5, window=(0.5, 80), gamma=0.6),
        "linear, 70 kV, enhanced edges",
    ),
)

PAIRS = (
    (
        Real("xray_styles/nih_cxr/00000450_007.png", (200, 110, 640), "chest\nNIH Clinical Center"),
        Simulated(LUNG, 0.5, (180, 0), WALL, "chest\nCT: LIDC-IDRI, CC BY 3.0", FAR),
    ),
    (
        Real("xray_styles/nih_cxr/00000317_003.png", (290, 240, 560), "rods along a spine\nNIH Clinical Center"),
        Simulated(
            LUNG,
            0.42,
            (180, 0),
            replace(WALL, kvp=90, implants=("screws",), metal="steel", seed=3),
            "screws and rods\nCT: LIDC-IDRI, CC BY 3.0",
            replace(FAR, detector_size=260),
        ),
    ),
    (
        Real("xray_styles/nih_cxr/00000459_002.png", (330, 484, 540), "abdomen\nNIH Clinical Center"),
        Simulated(
            OVARY,
            0.62,
            (180, 0),
            replace(WALL, kvp=75, quanta=8000, window=(0.05, 99.9), gamma=0.8, edge_amount=1.5, edge_width=2),
            "abdomen\nCT: TCGA-OV, CC BY 3.0",
            replace(FAR, detector_size=280),
        ),
    ),
    (
        Real(
            "xray_styles/localizers/TCGA-D1-A0ZP_topogram.png",
            (58, 20, 400),
            "scout of a CT\nTCGA-UCEC, CC BY 3.0",
            (1, 99.8),
        ),
        Simulated(
            OVARY,
            0.5,
            (180, 0),
            SCOUT,
            "scout of a CT\nCT: TCGA-OV, CC BY 3.0",
            CArm(900, 1000, (512, 512), 440),
            anatomy=1,
        ),
    ),
    (
        Real(
            "xray_biplane_wrist_knee/frames/L_Hop_Cam1_001_UND.0138.tif",
            (0, 0, 1760),
            "knee, image intensifier\nBrown University, BSD",
        ),
        Simulated(
            LUNG,
            0.4,
            (80, 5),
            replace(
                C_ARM,
                kvp=90,
                quanta=4000,
                field="round",
                inverted=False,
                glare=0.15,
                gamma=1.7,
                window=(1, 95),
                table=0,
            ),
            "side of a chest\nCT: LIDC-IDRI, CC BY 3.0",
            behind=25.0,
        ),
    ),
)
"""A real X-ray and what is drawn below it."""


def main() -> None:
    taken = [simulated(one) for one in SETTINGS]
    targets = [(one.target / np.percentile(one.target, 99.8), "clean target") for one in taken]
    above = [(grey(one), entry.caption) for one, entry in zip(taken, SETTINGS, strict=True)]
    draw(above, targets, SCREENSHOTS / "simulated_xrays.png")
    real = [(shown(one), f"Real: {one.caption}") for one, _ in PAIRS]
    made = [(grey(simulated(one)), f"Simulated: {one.caption}") for _, one in PAIRS]
    draw(real, made, SCREENSHOTS / "real_and_simulated_xrays.png")


@cache
def patient(ct: str) -> Body:
    return body(*read_image(DATA / ct / "ct.nii.gz"), C_ARM.bone_threshold, C_ARM.bone_softness, spacing=0.0)


def simulated(entry: Simulated) -> Radiograph:
    inside = patient(entry.ct)
    if entry.anatomy is not None:
        inside = draw_anatomy(np.random.default_rng(entry.anatomy), inside)
    middle = spine(inside)
    center = middle[int(len(middle) * entry.along)] + (0, entry.behind, 0)
    return radiograph(Subject(inside, center, spine=middle), entry.arm.view(*entry.angles, center), entry.settings)


def grey(taken: Radiograph) -> np.ndarray:
    """The picture (rows, columns), 0 to 1."""
    return taken.picture / (2**taken.settings.bits - 1)


def shown(entry: Real) -> np.ndarray:
    """The part (rows, columns) that is shown of an X-ray, 0 to 1."""
    x, y, side = entry.square
    values = np.asarray(Image.open(DATA / entry.file), dtype=np.float64)[y : y + side, x : x + side]
    low, high = np.percentile(values, entry.window)
    return np.clip((values - low) / (high - low), 0, 1)


def draw(above: list[tuple[np.ndarray, str]], below: list[tuple[np.ndarray, str]], file: Path) -> None:
    """Two rows of grey pictures (rows, columns), 0 to 1, with their captions."""
    lines = sum(1 + row[0][1].count("\n") for row in (above, below))
    size = (WIDTH, 2 * WIDTH / len(above) + 0.15 * lines + 0.1)
    figure, axes = plt.subplots(2, len(above), figsize=size, layout="constrained")
    for row, entries in zip(axes, (above, below), strict=True):
        for axis, (picture, caption) in zip(row, entries, strict=True):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
            axis.set_xlabel(caption, fontsize=8)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
    figure.savefig(file, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
