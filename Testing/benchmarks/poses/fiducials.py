"""Views calibrated, wrong labels, residuals and errors of poses of calibrations from fiducials.

    python Testing/benchmarks/poses/fiducials.py [--again] [--table]

Each examination is ten realistic X-rays of a patient from the CTs in the data folder beside the checkout, with a
phantom in front of the patient, a C-arm that is moved by hand, and a focal length and principal point that differ from
the nominal ones. The same X-rays are then distorted as an image intensifier does, differently in each, with a shot of a
grid plate for each. Each examination is stored in fiducials.json at once, and stored ones are skipped; then the tables
in FIDUCIALS.md are written. The study takes about a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.fiducials import FiducialSettings, Phantom, calibrate_with_phantom, load_phantom
from IXGSLib.calibration.fiducials.grid_shots import measured_grid, undistorted
from IXGSLib.calibration.fiducials.result import FiducialCalibration
from IXGSLib.calibration.fiducials.shots import Shot
from IXGSLib.errors import IXGSWarning
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import Array, apply, inverse, rigid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.body import Body, body
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.simulation.realistic_case import stored
from IXGSLib.simulation.solids import ball
from IXGSLib.simulation.spine import spine
from IXGSLib.volume.images import read_image
from IXGSLib.xray import XRay, line_integrals
from IXGSLib.xray.distortion import filled
from IXGSLib.xray.pixels import Pixels
from Testing.benchmarks.pages import Part
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("fiducials.json")
PAGE = Path(__file__).with_name("FIDUCIALS.md")
PART = Part(PAGE, "fiducials", "Testing/benchmarks/poses/fiducials.py")
PATIENTS = {
    "lumbar": "ct_tcga_ov_09_2043",
    "thoracic": "ct_lidc_0314",
    "thoracolumbar": "ct_crlm_1006",
    "lumbar, 3 mm": "ct_totalseg_example",
}
"""The folder of each CT."""
EXAMINATIONS = (
    ("plate", ImagingSettings(metal="steel")),
    ("plate", ImagingSettings(metal="steel", quanta=600, glare=0.15, field="round")),
    ("plate", ImagingSettings(metal="steel", implants=("wires",), kvp=90)),
    ("helix", ImagingSettings(metal="steel")),
    ("lines", ImagingSettings(metal="steel", kvp=70)),
)
"""Phantom and exposure of each examination of a patient; in the second nothing is known of the C-arm."""
NOTHING_KNOWN = 1
VIEWS = 10
IMAGES = ("as taken", "distorted, with grid")
SIZE, DETECTOR_MM, SOURCE_DETECTOR_MM = 512, 300.0, 1000.0
IN_FRONT_MM = 95.0
"""Distance of the phantom's middle from the spine, towards the front."""
DISTORTION = (0.012, 0.03)
"""Smallest and largest shift at the middle of the image's sides, as a fraction of half its width."""
GRID_MM = 10.0
"""Spacing of the dots of the grid plate on the detector."""

Run = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Examination:
    """Ten true views in the phantom's frame, their X-rays, and what is known of the C-arm."""

    phantom: Phantom
    views: tuple[View, ...]
    xrays: tuple[XRay, ...]
    patient: Array
    known: bool

    def shots(self, xrays: Sequence[XRay]) -> list[Shot]:
        pixel = DETECTOR_MM / SIZE
        lengths = (SOURCE_DETECTOR_MM, pixel) if self.known else (None, None)
        return [Shot(x.view.id, x.image, x.mask, *lengths) for x in xrays]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="measure stored examinations again")
    parser.add_argument("--table", action="store_true", help="only write the tables of what is stored")
    options = parser.parse_args(arguments)
    store = Store(STORE)
    if not options.table:
        measure(store, options.again)
    PART.write(page_part(store.content))
    return 0


def measure(store: Store, again: bool = False) -> None:
    """Measure and store what is not stored yet."""
    for number, (patient, folder) in enumerate(PATIENTS.items()):
        wanted = [
            n
            for n in range(len(EXAMINATIONS))
            if again or not all(store.has(_case(patient, n), images, number) for images in IMAGES)
        ]
        if not wanted:
            continue
        standard = ImagingSettings()
        anatomy = body(*read_image(DATA / folder / "ct.nii.gz"), standard.bone_threshold, standard.bone_softness)
        for n in wanted:
            one = examination(anatomy, n, 10 * number + n)
            for images, make in MAKERS.items():
                xrays = make(one, np.random.default_rng([10 * number + n, 5]))
                calibration = calibrate_with_phantom(one.shots(xrays), one.phantom, FiducialSettings())
                run = {"case": _case(patient, n), "method": images, "seed": number} | scores(one, calibration)
                store.add(run)
                print(f"{run['case']}, {images}: {run['calibrated']} of {run['views']}", flush=True)


def _case(patient: str, n: int) -> str:
    return f"{patient}, {n + 1}: {EXAMINATIONS[n][0]}"


def examination(anatomy: Body, n: int, seed: int) -> Examination:
    """X-rays of a patient with a phantom, all random from the seed."""
    name, imaging = EXAMINATIONS[n]
    generator = np.random.default_rng([seed, 1])
    phantom = load_phantom(name)
    along = spine(anatomy)
    center = along[int(len(along) * generator.uniform(0.4, 0.65))]
    world_from_phantom = _placed(phantom, center, generator)
    places = apply(world_from_phantom, phantom.positions)
    solids = [ball(place, radius) for place, radius in zip(places, phantom.radii, strict=True)]
    subject = Subject(anatomy, center, solids)
    views = hand_held((center + places.mean(axis=0)) / 2, generator)
    imaging = replace(imaging, seed=seed)
    taken = [xray(view, subject, imaging, m) for m, view in enumerate(views)]
    phantom_from_world = inverse(world_from_phantom)
    return Examination(
        phantom,
        tuple(view.moved(phantom_from_world) for view in views),
        tuple(taken),
        apply(phantom_from_world, center),
        n != NOTHING_KNOWN,
    )


def _placed(phantom: Phantom, center: Array, generator: np.random.Generator) -> Array:
    """(4, 4) world_from_phantom, mm: the phantom's z towards the front of the patient, tilted a little."""
    upright = Rotation.from_euler("x", 90, degrees=True) * Rotation.from_euler(
        "xyz", generator.uniform(-15, 15, 3), degrees=True
    )
    R = upright.as_matrix()
    middle = center + generator.uniform(-10, 10, 3) + (0, -IN_FRONT_MM, 0)
    return rigid(R, middle - R @ phantom.positions.mean(axis=0))


def hand_held(middle: Array, generator: np.random.Generator) -> list[View]:
    """Views of a C-arm that is moved by hand, whose intrinsics are not quite the nominal ones."""
    arm = CArm(source_detector=SOURCE_DETECTOR_MM, detector_pixels=(SIZE, SIZE), detector_size=DETECTOR_MM)
    scale, shift = 1 + generator.normal(0, 0.01), generator.normal(0, 4, 2)
    views = []
    for n in range(VIEWS):
        view = arm.view(*generator.uniform((-50, -22), (50, 22)), middle + generator.uniform(-12, 12, 3), f"{n:02d}")
        turn = rigid(Rotation.from_euler("z", generator.uniform(-25, 25), degrees=True).as_matrix(), np.zeros(3))
        K = view.K.copy()
        K[[0, 1], [0, 1]] *= scale
        K[:2, 2] += shift
        views.append(replace(view, K=K, world_from_camera=view.world_from_camera @ turn))
    return views


def xray(view: View, subject: Subject, imaging: ImagingSettings, number: int) -> XRay:
    """The X-ray as read from its 16-bit file, without a mask beside it."""
    pixels, i0 = stored(radiograph(subject, view, imaging, number))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IXGSWarning)  # collimated and saturated pixels, which are masked
        image, mask = line_integrals(Pixels.of(pixels, view.id), "intensity", i0)
    return XRay(view, image, mask, "intensity")


def as_taken(one: Examination, generator: np.random.Generator) -> Sequence[XRay]:
    return one.xrays


def by_grid(one: Examination, generator: np.random.Generator) -> Sequence[XRay]:
    """The X-rays distorted like those of an image intensifier, and undistorted by a shot of a grid for each."""
    made, reference = [], None
    for taken in one.xrays:
        bend, twist = generator.uniform(*DISTORTION), generator.uniform(-0.02, 0.02)
        places = _bent(bend, twist)
        image = ndimage.map_coordinates(filled(taken.image, taken.mask), places, order=3, mode="nearest")
        whole = ndimage.map_coordinates(taken.mask.astype(np.float32), places, order=1, cval=0.0) > 0.999
        plate = ndimage.map_coordinates(grid_plate(generator), places, order=3, mode="nearest")
        grid, reference = measured_grid(plate, taken.view.id, "grid", reference)
        made.append(undistorted(XRay(taken.view, np.where(whole, image, 0), whole), grid))
    return made


MAKERS: dict[str, Callable[[Examination, np.random.Generator], Sequence[XRay]]] = dict(
    zip(IMAGES, (as_taken, by_grid), strict=True)
)


def _bent(bend: float, twist: float) -> Array:
    """(2, SIZE, SIZE) rows and columns of an undistorted image that each pixel of an intensifier's image shows."""
    half = SIZE / 2
    y, x = (np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2) / half
    square = x * x + y * y
    # Pincushion: the scale grows towards the rim, so that a pixel shows what was nearer to the middle.
    scale, turn = 1 - bend * square, -twist * square
    columns, rows = scale * (x * np.cos(turn) - y * np.sin(turn)), scale * (x * np.sin(turn) + y * np.cos(turn))
    return np.stack([rows, columns]) * half + (SIZE - 1) / 2


def grid_plate(generator: np.random.Generator) -> np.ndarray:
    """Line integrals of dots on a square lattice, with noise."""
    step = GRID_MM * SIZE / DETECTOR_MM
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    offset = np.hypot(*(np.mod(axis + step / 2, step) - step / 2 for axis in (x + 3, y - 5)))
    return 0.5 + 0.6 * np.exp(-((offset / 2.2) ** 2)) + generator.normal(0, 0.02, offset.shape)


def scores(one: Examination, calibration: FiducialCalibration) -> Run:
    """Counts, and for each calibrated view its residual and the errors of its pose at the patient."""
    pairs = [(f, view) for f, view in zip(calibration.findings, one.views, strict=True) if f.view is not None]
    errors = np.array([_pose_errors(f.view, view, one.patient) for f, view in pairs if f.view]).reshape(-1, 3)
    return {
        "views": len(one.views),
        "calibrated": len(pairs),
        "labels": sum(f.used for f, _ in pairs),
        "wrong": sum(_wrong(f, view, one.phantom) for f, view in pairs),
        "rms": [f.rms for f, _ in pairs],
        "degrees": errors[:, 0].tolist(),
        "plane_mm": errors[:, 1].tolist(),
        "beam_mm": errors[:, 2].tolist(),
        "points_mm": _points_error(pairs, one.patient),
        "reasons": [f.reason for f in calibration.findings if f.view is None],
        "warnings": list(calibration.warnings),
    }


def _wrong(finding: Any, view: View, phantom: Phantom) -> int:
    """Number of used shadows that are nearer to another fiducial's true place than to that of their label."""
    true = view.project(phantom.positions)[0]
    used = [each for each in finding.fiducials if each.used]
    nearest = [int(np.linalg.norm(true - each.found, axis=1).argmin()) for each in used]
    return sum(phantom.labels[n] != each.label for n, each in zip(nearest, used, strict=True))


def _pose_errors(found: View, true: View, patient: Array) -> tuple[float, float, float]:
    """Degrees, and mm at the patient in the image's plane and along the beam."""
    turn = found.camera_from_world[:3, :3] @ true.world_from_camera[:3, :3]
    degrees = float(np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    place, depth = found.project(patient)
    true_place, true_depth = true.project(patient)
    plane = float(np.linalg.norm(place - true_place)) * true.pixel_size(patient)
    return degrees, plane, abs(float(depth - true_depth))


def _points_error(pairs: Sequence[tuple[Any, View]], patient: Array) -> float:
    """Root mean square error in mm of 27 points in the patient, 100 mm across, that the true views see."""
    if len(pairs) < 2:
        return float("nan")
    points = patient + 50 * np.stack(np.meshgrid(*[(-1.0, 0, 1)] * 3), axis=-1).reshape(-1, 3)
    moments, matrices = np.zeros((len(points), 3)), np.zeros((len(points), 3, 3))
    for finding, view in pairs:
        source, rays = finding.view.ray(view.project(points)[0])
        across = np.eye(3) - rays[:, :, None] * rays[:, None]
        matrices += across
        moments += across @ source
    placed = np.linalg.solve(matrices, moments[..., None])[..., 0]
    return float(np.sqrt(np.mean(((placed - points) ** 2).sum(axis=1))))


def page_part(content: dict[str, Any]) -> str:
    """What stands between the marks of the page."""
    return f"{table(content)}\n\n{left_out(content)}\n\nMeasured on {measured_on(content['runs'])}."


def table(content: dict[str, Any]) -> str:
    """A row for each phantom and kind of images, and one for all phantoms."""
    head = (
        "| phantom | images | views | calibrated | labels | wrong | residual | rotation | in plane | along the beam | "
        "points in the patient |"
    )
    rows = [head, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for phantom in (*dict.fromkeys(name for name, _ in EXAMINATIONS), "all"):
        for images in IMAGES:
            runs = list(_runs(content, phantom, images))
            if runs:
                rows.append(f"| {' | '.join([phantom, images, *_cells(runs)])} |")
    return "\n".join(rows)


def _runs(content: dict[str, Any], phantom: str, images: str) -> Iterator[Run]:
    for run in content["runs"]:
        if run["method"] == images and (phantom == "all" or run["case"].endswith(f": {phantom}")):
            yield run


def _cells(runs: Sequence[Run]) -> list[str]:
    views, calibrated, labels, wrong = (
        sum(run[key] for run in runs) for key in ("views", "calibrated", "labels", "wrong")
    )
    spreads = [
        _spread([value for run in runs for value in run[key]], unit)
        for key, unit in (("rms", "px"), ("degrees", "°"), ("plane_mm", "mm"), ("beam_mm", "mm"))
    ]
    points = _spread([run["points_mm"] for run in runs], "mm")
    return [str(views), f"{calibrated} ({calibrated / views:.0%})", str(labels), str(wrong), *spreads, points]


def _spread(values: Sequence[float], unit: str) -> str:
    """Median and 95th percentile."""
    gap = "" if unit == "°" else " "
    middle, high = np.percentile(values, (50, 95))
    return f"{middle:.2f}, {high:.2f}{gap}{unit}"


def left_out(content: dict[str, Any]) -> str:
    """Why views were left out, in words."""
    reasons = [reason for run in content["runs"] for reason in run["reasons"]]
    if not reasons:
        return "No view was left out."
    kinds: dict[str, int] = {}
    for reason in reasons:
        kind = next(text for mark, text in KINDS.items() if mark in reason)
        kinds[kind] = kinds.get(kind, 0) + 1
    return "Left out: " + "; ".join(f"{count} because {kind}" for kind, count in kinds.items()) + "."


KINDS = {
    "expected at least half": "fewer than half of the fiducials inside the image were found",
    "round shadows, expected": "fewer than six round shadows were found",
    "no pose explains": "no pose explained six shadows",
    "two poses": "two poses explained the shadows equally well",
    "chance": "the labels could have been chance",
    "residuals of": "the residuals were too large",
    "fiducials fit": "fewer than six fiducials fitted",
}
"""Why a view is left out, by words of the reason."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
