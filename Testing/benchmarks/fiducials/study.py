"""Detection rate, accuracy and false positives of the fiducial detector.

    python Testing/benchmarks/fiducials/study.py [--again] [--table]

The X-rays are simulated realistically from the CTs in the data folder beside the checkout, with and without fiducials
at known positions and with and without pedicle screws. Beside them stand line integrals of the bones alone, whose edges
are as sharp as those of fiducials. Fiducials are detected as in a standardisation, in all views of a case at once.
Each case is stored in study.json at once, and stored cases are skipped; then the sentence and the table in
docs/real-xrays.md are written. The study takes a few minutes.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from IXGSLib.errors import IXGSWarning
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import Array
from IXGSLib.geometry.trajectory import CArm, random, trajectory
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.beam import DENSITY_G_CM3, mass_attenuation
from IXGSLib.simulation.body import Body, body
from IXGSLib.simulation.implants import balls, screws
from IXGSLib.simulation.realistic import Radiograph, Subject, radiograph
from IXGSLib.simulation.realistic_case import stored
from IXGSLib.simulation.solids import Capsule, thickness
from IXGSLib.simulation.spine import spine
from IXGSLib.standardization.settings import StandardizationSettings
from IXGSLib.volume.images import read_image
from IXGSLib.xray import XRay, line_integrals
from IXGSLib.xray.fiducials import Fiducial, find_fiducials
from IXGSLib.xray.pixels import Pixels
from Testing.benchmarks.pages import REAL_XRAYS, Part
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.store import Store

STORE = Path(__file__).with_name("study.json")
PART = Part(REAL_XRAYS, "fiducials table", "Testing/benchmarks/fiducials/study.py")
PATIENTS = {
    "lumbar": "ct_tcga_ov_09_2043",
    "thoracic": "ct_lidc_0314",
    "thoracolumbar": "ct_crlm_1006",
    "lumbar, 3 mm": "ct_totalseg_example",
}
"""The folder of each CT."""
EXPOSURES = {
    "60 kV, steel": ImagingSettings(kvp=60, metal="steel"),
    "80 kV, titanium": ImagingSettings(),
    "80 kV, titanium, low dose": ImagingSettings(quanta=400, glare=0.15, field="round"),
    "110 kV, steel": ImagingSettings(kvp=110, metal="steel", scatter=1.0),
}
SCENES = {"balls": True, "balls and screws": True, "nothing": False, "screws": False}
"""Content of the X-rays, and whether it includes fiducials."""
LINES = "line integrals of bone"
"""The images without X-ray physics, in the place of an exposure."""
LINES_METAL = "steel"
VIEWS = 6
"""Views per case, over 200 degrees of orbit and 25 degrees of angulation to either side."""
ARM = CArm(detector_pixels=(512, 512))
ISOCENTRE_FRACTION = 0.55
"""Height of the isocentre on the spine, as a fraction of its length from the lower end."""

Run = dict[str, Any]


@dataclass(frozen=True)
class Shadow:
    """The true shadow of a fiducial: centre (x, y) and radius in pixels, mm per pixel at its depth.

    visible: it lies entirely in the field and overlaps no screw.
    """

    x: float
    y: float
    radius: float
    pixel: float
    visible: bool


@dataclass(frozen=True)
class Count:
    """Visible fiducials, the position errors of those that were found, in pixels and mm, and false positives."""

    visible: int
    false: int
    pixels: tuple[float, ...]
    millimetres: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class CachedBody(Body):
    """A body that caches its projections; `line_integrals` returns copies."""

    images: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def line_integrals(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        if view.id not in self.images:
            self.images[view.id] = super().line_integrals(view)
        tissue, target = self.images[view.id]
        return tissue.copy(), target.copy()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="measure stored cases again")
    parser.add_argument("--table", action="store_true", help="only print the table of stored cases")
    options = parser.parse_args(arguments)
    store = Store(STORE)
    if not options.table:
        measure(store, options.again)
    PART.write(page_part(store.content))
    return 0


def measure(store: Store, again: bool = False) -> None:
    """Measure and store what is not stored yet."""
    for number, (patient, folder) in enumerate(PATIENTS.items()):
        cases = [
            (exposure, scene)
            for exposure, scene in planned()
            if again or not store.has(f"{patient}, {exposure}", scene, number)
        ]
        if not cases:
            continue
        inside, views, center = patient_and_views(DATA / folder / "ct.nii.gz", number)
        for exposure, scene in cases:
            if exposure == LINES:
                found = lines_counts(inside, views, center, number, scene)
            else:
                imaging = replace(EXPOSURES[exposure], seed=len(EXPOSURES) * number + list(EXPOSURES).index(exposure))
                found = counts(inside, views, center, imaging, scene)
            store.add({"case": f"{patient}, {exposure}", "method": scene, "seed": number} | summed(found))
            print(f"{patient}, {exposure}, {scene}: {sum(len(c.pixels) for c in found)} found", flush=True)


def planned() -> list[tuple[str, str]]:
    """The exposures and scenes of a patient."""
    return [*((exposure, scene) for exposure in EXPOSURES for scene in SCENES), (LINES, "balls"), (LINES, "nothing")]


def patient_and_views(ct: Path, seed: int) -> tuple[Body, list[View], Array]:
    """A CT, random views around its spine, and their isocentre (3,) LPS mm."""
    standard = ImagingSettings()
    patient = body(*read_image(ct), standard.bone_threshold, standard.bone_softness)
    middle = spine(patient)
    center = middle[int(len(middle) * ISOCENTRE_FRACTION)]
    views = trajectory(ARM, random(VIEWS, seed=seed), center)
    return CachedBody(patient.values, patient.grid, patient.back), views, center


def counts(patient: Body, views: Sequence[View], center: Array, imaging: ImagingSettings, scene: str) -> list[Count]:
    """The counts of each view of a case, whose fiducials and screws depend on the seed only."""
    device = balls(center, np.random.default_rng([imaging.seed, 2])) if SCENES[scene] else []
    metal = screws(center, np.random.default_rng([imaging.seed, 3]), spine(patient)) if "screws" in scene else []
    subject = Subject(patient, center, [*device, *metal])
    taken = [radiograph(subject, view, imaging, number) for number, view in enumerate(views)]
    found = find([xray(view, picture) for view, picture in zip(views, taken, strict=True)], center)
    return [
        counted(shadows(device, metal, view, picture.field), places)
        for view, picture, places in zip(views, taken, found, strict=True)
    ]


def lines_counts(patient: Body, views: Sequence[View], center: Array, seed: int, scene: str) -> list[Count]:
    """The counts of each view of the line integrals of a patient's bones, with or without steel balls."""
    device = balls(center, np.random.default_rng([seed, 2])) if SCENES[scene] else []
    attenuation = mass_attenuation(LINES_METAL) * DENSITY_G_CM3[LINES_METAL] / 10
    xrays = []
    for view in views:
        image = patient.line_integrals(view)[1] + attenuation * thickness(device, view)
        xrays.append(XRay(view, image.astype(np.float32), np.ones(image.shape, bool), "line_integral"))
    return [
        counted(shadows(device, [], xray.view, xray.mask), places)
        for xray, places in zip(xrays, find(xrays, center), strict=True)
    ]


def xray(view: View, taken: Radiograph) -> XRay:
    """The X-ray as read from its 16-bit file and the mask of its field."""
    pixels, i0 = stored(taken)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IXGSWarning)  # saturated pixels, which are masked
        image, mask = line_integrals(Pixels.of(pixels, view.id), "intensity", i0, taken.field)
    return XRay(view, image, mask, "intensity")


def find(xrays: Sequence[XRay], center: Array) -> list[list[Fiducial]]:
    """The fiducials that a standardisation finds in each of these X-rays; center: of their region, (3,) LPS mm."""
    pixels = [xray.view.pixel_size(center) for xray in xrays]
    diameters = StandardizationSettings().fiducial_diameter_mm
    return find_fiducials([xray.image for xray in xrays], [xray.mask for xray in xrays], pixels, diameters)


def shadows(device: Sequence[Capsule], metal: Sequence[Capsule], view: View, opened: np.ndarray) -> list[Shadow]:
    """The true shadows of fiducials in a view; opened: (height, width) bool, its field."""
    clear = opened & (thickness(list(metal), view) == 0)
    return [_shadow(ball, view, clear) for ball in device]


def _shadow(ball: Capsule, view: View, clear: np.ndarray) -> Shadow:
    place, depth = view.project(ball.start)
    pixel = float(depth / np.sqrt(view.K[0, 0] * view.K[1, 1]))
    (x, y), radius = place, ball.radius / pixel
    rows, columns = np.indices(clear.shape, sparse=True)
    inside = np.hypot(columns - x, rows - y) <= radius
    height, width = clear.shape
    whole = radius <= x <= width - 1 - radius and radius <= y <= height - 1 - radius
    return Shadow(float(x), float(y), radius, pixel, bool(whole and clear[inside].all()))


def counted(balls: Sequence[Shadow], found: Sequence[Fiducial]) -> Count:
    """Match detections to the shadows in which they lie, one to one and the nearest pair first, and count them.

    A detection in the shadow of a fiducial that is not visible counts neither as found nor as false.
    """
    pairs = sorted(
        (float(np.hypot(place.x - ball.x, place.y - ball.y)), n, m)
        for n, ball in enumerate(balls)
        for m, place in enumerate(found)
    )
    taken: dict[int, tuple[int, float]] = {}
    used: set[int] = set()
    for distance, n, m in pairs:
        if n not in taken and m not in used and distance <= balls[n].radius:
            taken[n] = (m, distance)
            used.add(m)
    seen = [(distance, balls[n].pixel) for n, (_, distance) in taken.items() if balls[n].visible]
    return Count(
        sum(ball.visible for ball in balls),
        len(found) - len(used),
        tuple(distance for distance, _ in seen),
        tuple(distance * pixel for distance, pixel in seen),
    )


def summed(found: Sequence[Count]) -> Run:
    """The numbers stored for a case."""
    return {
        "views": len(found),
        "visible": sum(count.visible for count in found),
        "false": sum(count.false for count in found),
        "pixels": [distance for count in found for distance in count.pixels],
        "millimetres": [distance for count in found for distance in count.millimetres],
    }


def table(content: dict[str, Any]) -> str:
    """A Markdown table: a row per exposure and scene over all patients, and one per scene over everything."""
    head = "| X-rays | with | views | visible | found | false in a view | off by | |"
    rows = [head, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for exposure in (*EXPOSURES, "all", LINES):
        for scene in SCENES:
            runs = list(_runs(content, exposure, scene))
            if runs:
                rows.append(f"| {' | '.join([exposure, scene, *_cells(runs)])} |")
    return "\n".join(rows)


def page_part(content: dict[str, Any]) -> str:
    """What stands between the marks of the page."""
    return f"{sentence(content)}\n\n{table(content)}"


def sentence(content: dict[str, Any]) -> str:
    """The result in one sentence."""
    clear, hidden = (_total(_runs(content, "all", scene)) for scene in ("balls", "balls and screws"))
    lines, bare = (_total(_runs(content, LINES, scene)) for scene in ("balls", "nothing"))
    without = _total([*_runs(content, "all", "nothing"), *_runs(content, "all", "screws")])
    return (
        f"Of {clear['visible']} fiducials of 2 to 5 mm in {clear['views']} simulated X-rays of {len(PATIENTS)} "
        f"patients, {_share(clear)} are found, with a median error of the centre of "
        f"{np.median(clear['millimetres']):.2f} mm and {clear['false']} false detections; beside pedicle screws "
        f"{_share(hidden)} are found, with {hidden['false']} false detections in {hidden['views']} views; without "
        f"fiducials there are {without['false']} in {without['views']} views. In line integrals of bone, whose edges "
        f"are as sharp, {_share(lines)} of {lines['visible']} are found, with a median error of "
        f"{np.median(lines['pixels']):.2f} pixels and {lines['false']} false detections in {lines['views']} views, and "
        f"{bare['false']} without fiducials (`Testing/benchmarks/fiducials/study.py`)."
    )


def _runs(content: dict[str, Any], exposure: str, scene: str) -> Iterator[Run]:
    for run in content["runs"]:
        exposures = EXPOSURES if exposure == "all" else (exposure,)
        if run["method"] == scene and run["case"] in {f"{p}, {e}" for p in PATIENTS for e in exposures}:
            yield run


def _total(runs: Iterator[Run] | Sequence[Run]) -> Run:
    runs = list(runs)
    numbers = {name: sum(run[name] for run in runs) for name in ("views", "visible", "false")}
    lists = {name: [value for run in runs for value in run[name]] for name in ("pixels", "millimetres")}
    return numbers | lists


def _cells(runs: Sequence[Run]) -> list[str]:
    total = _total(runs)
    cells = [str(total["views"]), str(total["visible"])]
    if not total["pixels"]:
        return [*cells, "", _rate(total), "", ""]
    off = (f"{np.median(total['pixels']):.2f} pixels", f"{np.median(total['millimetres']):.2f} mm")
    return [*cells, _share(total), _rate(total), *off]


def _share(total: Run) -> str:
    return f"{len(total['pixels']) / total['visible']:.0%}"


def _rate(total: Run) -> str:
    return f"{total['false'] / total['views']:.2f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
