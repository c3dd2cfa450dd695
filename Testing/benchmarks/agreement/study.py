"""Do X-rays and poses belong together? 200 good cases of three patients, and the same with faults.

python -m Testing.benchmarks.agreement.study --data DATA --out FOLDER

DATA holds the CTs that PATIENTS names. Cases are kept in FOLDER/*.npz and made only once; the table is printed.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.agreement import check_agreement
from IXGSLib.calibration.all_views import FEW_VIEWS, layout_and_order_scores, max_cure_ratio
from IXGSLib.calibration.evidence import Evidence
from IXGSLib.compute.threads import set_thread_count, thread_count
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, arc, circular, random, trajectory
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation.attenuation import all_tissue, bone_enhanced
from IXGSLib.volume.images import read_image
from IXGSLib.xray import XRay

PATIENTS = ("ct_tcga_ov_09_2043", "ct_crlm_1006", "ct_lidc_0001")
KINDS = ("bone", "tissue", "standardised")
CASES = 23
"""Good cases of each patient and kind."""
FAULTS_PER_CASE = 2
SPACING = 2.0


@dataclass(frozen=True, eq=False)
class Body:
    """A patient's attenuation [k, j, i] in 1/mm, bone alone and all tissue."""

    bone: np.ndarray
    tissue: np.ndarray
    grid: Grid

    @classmethod
    def read(cls, path: Path) -> Body:
        hounsfield, grid = read_image(path)

        def resampled(attenuation: np.ndarray) -> np.ndarray:
            zoom = grid.spacing[::-1] / SPACING
            return ndimage.zoom(attenuation, zoom, order=1, grid_mode=True, mode="nearest").astype(np.float32)

        tissue, bone = resampled(all_tissue(hounsfield)), resampled(bone_enhanced(hounsfield))
        size = np.array(tissue.shape[::-1]) * SPACING
        return cls(bone, tissue, Grid.centered(grid.center, size, SPACING, grid.direction))


def good_case(body: Body, kind: str, rng: np.random.Generator) -> list[XRay]:
    """5 to 50 X-rays with noise, collimation, truncation and calibration errors of up to 0.4 degrees and 0.6 mm.

    standardised: bone with gains, blur and invented detail that leave a re-projection error near 25 %.
    """
    count = round(np.exp(rng.uniform(np.log(5), np.log(50))))
    center = _isocentre(body, rng)
    pixels, distance = int(rng.choice([96, 128, 160])), rng.uniform(950, 1250)
    height = pixels if rng.random() < 0.7 else int(pixels * 0.8)
    arm = CArm(distance * rng.uniform(0.55, 0.68), distance, (pixels, height), rng.uniform(200, 350))
    views = trajectory(arm, _path(count, rng), center)
    pose_error = rng.uniform(0, 0.4)
    photons = np.exp(rng.uniform(np.log(3e3), np.log(5e4)))
    field = str(rng.choice(["open", "round", "square"]))
    values = body.tissue if kind == "tissue" else body.bone
    xrays = []
    for view in views:
        image = _measured(project_volume(values, body.grid, view).astype(np.float64), kind, photons, pixels, rng)
        mask = _field(image.shape, field, rng)
        xrays.append(XRay(_nudged(view, center, pose_error, rng), np.where(mask, image, 0), mask))
    return xrays


def _isocentre(body: Body, rng: np.random.Generator) -> np.ndarray:
    points = body.grid.points()
    z = body.grid.center[2] + rng.uniform(-0.2, 0.2) * body.grid.size[2]
    weight = body.bone * (np.abs(points[..., 2] - z) < 40)
    center = (points * weight[..., None]).sum((0, 1, 2)) / weight.sum()
    return np.array([center[0], center[1], z]) + rng.normal(0, 10, 3)


def _path(count: int, rng: np.random.Generator) -> np.ndarray:
    kind = rng.choice(["arc", "random", "circular", "narrow"])
    if kind == "arc":
        return arc(count, rng.uniform(100, 210), rng.uniform(0, 25))
    if kind == "narrow":
        return arc(count, rng.uniform(25, 70), rng.uniform(0, 15)) + [rng.uniform(-90, 90), 0]
    if kind == "circular":
        return circular(count) + [rng.uniform(0, 360), 0]
    return random(count, rng.uniform(90, 220), rng.uniform(5, 30), seed=int(rng.integers(1 << 30)))


def _measured(image: np.ndarray, kind: str, photons: float, pixels: int, rng: np.random.Generator) -> np.ndarray:
    if kind != "standardised":
        counts = np.maximum(rng.poisson(photons * np.exp(-image)), 1)
        return -np.log(counts / photons) + (rng.normal(0, 0.1) if kind == "tissue" else 0)  # of an estimated I0
    level = 0.25 * image.std() * rng.uniform(0.7, 1.3)
    error = _smooth(rng, image.shape, pixels * rng.uniform(0.01, 0.04)) + _smooth(rng, image.shape, pixels * 0.08)
    gain = np.exp(0.12 * _smooth(rng, image.shape, pixels * 0.15) + rng.normal(0, 0.08))
    blurred = ndimage.gaussian_filter(image * gain, rng.uniform(0, 1.5))
    return np.maximum(blurred + level * error / 1.4 * (image > 0.05 * image.max()), 0)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    field = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
    return field / field.std()


def _field(shape: tuple[int, ...], kind: str, rng: np.random.Generator) -> np.ndarray:
    height, width = shape
    y, x = np.mgrid[:height, :width]
    if kind == "round":
        return np.hypot(x - width / 2, y - height / 2) < 0.48 * min(height, width)
    if kind == "square":
        side, top = int(rng.uniform(0.02, 0.1) * width), int(rng.uniform(0.02, 0.1) * height)
        return (x >= side) & (x < width - side) & (y >= top) & (y < height - top)
    return np.ones(shape, bool)


def _nudged(view: View, center: np.ndarray, error: float, rng: np.random.Generator) -> View:
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(np.deg2rad(rng.normal(0, error, 3))).as_matrix()
    motion[:3, 3] = center - motion[:3, :3] @ center + rng.normal(0, error * 1.5, 3)
    return view.moved(motion)


Fault = Callable[[list[XRay], np.random.Generator], "list[XRay]"]


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    return lambda xrays, rng: [_changed(xray, change) for xray in xrays]


def _changed(xray: XRay, change: Callable[[np.ndarray], np.ndarray]) -> XRay:
    return XRay(xray.view, change(xray.image), change(xray.mask))


def _some(change: Callable[[np.ndarray], np.ndarray], part: float) -> Fault:
    def apply(xrays: list[XRay], rng: np.random.Generator) -> list[XRay]:
        chosen = rng.choice(len(xrays), max(1, int(len(xrays) * part)), replace=False)
        return [_changed(xray, change) if n in chosen else xray for n, xray in enumerate(xrays)]

    return apply


def _ordered(order: Callable[[int, np.random.Generator], np.ndarray]) -> Fault:
    def apply(xrays: list[XRay], rng: np.random.Generator) -> list[XRay]:
        images = order(len(xrays), rng)
        return [XRay(xray.view, xrays[n].image, xrays[n].mask) for xray, n in zip(xrays, images, strict=True)]

    return apply


def _intrinsic(change: Callable[[View], np.ndarray]) -> Fault:
    return lambda xrays, rng: [replace(xray, view=replace(xray.view, K=change(xray.view))) for xray in xrays]


def _shifted(part: float) -> Fault:
    shift = np.zeros((3, 3))
    shift[0, 2] = part
    return _intrinsic(lambda view: view.K + shift * max(view.size))


def _swapped(count: int, rng: np.random.Generator) -> np.ndarray:
    order, pair = np.arange(count), rng.choice(count, 2, replace=False)
    order[pair] = order[pair[::-1]]
    return order


def _turned_pose(xrays: list[XRay], rng: np.random.Generator) -> list[XRay]:
    """One pose turned by 40 degrees about the body's axis through the isocentre."""
    one = int(rng.integers(len(xrays)))
    center = np.mean([x.view.source + 600 * x.view.axis for x in xrays], axis=0)
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec([0, 0, 0.7]).as_matrix()
    motion[:3, 3] = center - motion[:3, :3] @ center
    return [replace(x, view=x.view.moved(motion)) if n == one else x for n, x in enumerate(xrays)]


def _elsewhere(xrays: list[XRay], rng: np.random.Generator) -> list[XRay]:
    """The poses of another series: random ones with the same intrinsics."""
    center = np.mean([x.view.source + 600 * x.view.axis for x in xrays], axis=0)
    others = trajectory(CArm(), random(len(xrays), 180, 25, seed=int(rng.integers(1 << 30))), center)
    views = [replace(x.view, world_from_camera=other.world_from_camera) for x, other in zip(xrays, others, strict=True)]
    return [replace(xray, view=view) for xray, view in zip(xrays, views, strict=True)]


HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
"""K of the same detector read out at half the size."""
FAULTS: dict[str, tuple[Fault, str]] = {
    "all mirrored": (_each(lambda a: a[:, ::-1]), "mirrored"),
    "all upside down": (_each(lambda a: a[::-1]), "upside down"),
    "all rotated by 180 degrees": (_each(lambda a: a[::-1, ::-1]), "180 degrees"),
    "order reversed": (_ordered(lambda n, rng: np.arange(n)[::-1]), "reverse"),
    "order off by one": (_ordered(lambda n, rng: np.roll(np.arange(n), 1)), "pose before"),
    "images sorted as text": (_ordered(lambda n, rng: np.array(sorted(range(n), key=str))), "sorted by number"),
    "order at random": (_ordered(lambda n, rng: rng.permutation(n)), "another order"),
    "two exchanged": (_ordered(_swapped), "exchanged"),
    "one mirrored": (_some(lambda a: a[:, ::-1], 0), "mirrored"),
    "a third mirrored": (_some(lambda a: a[:, ::-1], 1 / 3), "mirrored"),
    "one pose turned by 40 degrees": (_turned_pose, ""),
    "one view three times as dense": (
        _some(lambda a: a * 3 if a.dtype != bool else a, 0),
        "times as large as the other",
    ),
    "poses of another series": (_elsewhere, "nothing in common"),
    "principal point off by 8 %": (_shifted(0.08), "principal point"),
    "principal point off by 3 %": (_shifted(0.03), "principal point"),
    "K of half the size": (_intrinsic(lambda view: HALF @ view.K), "times as large"),
    "focal length 30 % too long": (_intrinsic(lambda view: view.K * [[1.3, 1, 1], [1, 1.3, 1], [1, 1, 1]]), "focal"),
}
"""Each fault and words of its cure; exchanged images count as a text order below eleven views."""


@dataclass(frozen=True)
class Row:
    """What was found in one case. strongest: the lowest score of a change of all images, whichever view is left out."""

    patient: str
    kind: str
    fault: str
    count: int
    detected: bool
    named: bool
    undecided: bool
    strongest: float
    seconds: float


def examined(patient: str, kind: str, number: int, fault: str, xrays: list[XRay]) -> Row:
    change, words = FAULTS.get(fault, (lambda same, rng: same, "nothing"))
    wrong = change(xrays, np.random.default_rng(number))
    start = time.perf_counter()
    found = check_agreement(wrong)
    seconds = time.perf_counter() - start
    strongest = min(score.worst for score in layout_and_order_scores(Evidence.of(wrong)))
    cures = [cure for contradiction in found.contradictions for cure in (*contradiction.cures, contradiction.text)]
    named = any(words in cure for cure in cures)
    undecided = any(words in name for name in found.undecided) if words else False
    count, detected = len(xrays), bool(found.contradictions)
    return Row(patient, kind, fault, count, detected, named, undecided, strongest, seconds)


def cases(patient: str, kind: str, data: Path, out: Path) -> Iterator[list[XRay]]:
    """The good cases of one kind and patient, made once."""
    body: Body | None = None
    for number in range(CASES):
        file = out / f"{patient}-{kind}-{number:02d}.npz"
        if not file.exists():
            body = body or Body.read(data / patient / "ct.nii.gz")
            seed = [zlib.crc32(patient.encode()), number, ord(kind[0])]
            _save(file, good_case(body, kind, np.random.default_rng(seed)))
        yield _load(file)


def _save(file: Path, xrays: list[XRay]) -> None:
    np.savez_compressed(
        file,
        K=[x.view.K for x in xrays],
        pose=[x.view.world_from_camera for x in xrays],
        image=[x.image for x in xrays],
        mask=[x.mask for x in xrays],
    )


def _load(file: Path) -> list[XRay]:
    with np.load(file, allow_pickle=False) as held:
        parts = [held[name] for name in ("K", "pose", "image", "mask")]
    return [
        XRay(View(K, pose, (image.shape[1], image.shape[0]), f"{n:03d}"), image, mask)
        for n, (K, pose, image, mask) in enumerate(zip(*parts, strict=True))
    ]


def table(rows: list[Row]) -> Iterator[str]:
    """Markdown: each fault by kind of image."""
    yield "| fault | " + " | ".join(KINDS) + " |\n| --- |" + " --- |" * len(KINDS)
    for fault in ("none", *FAULTS):
        cells = [_cell([row for row in rows if (row.fault, row.kind) == (fault, kind)]) for kind in KINDS]
        yield f"| {fault} | " + " | ".join(cells) + " |"


def _cell(rows: list[Row]) -> str:
    if not rows:
        return "–"
    if rows[0].fault == "none":
        return f"{sum(row.detected for row in rows)} warned of {len(rows)}"
    detected, named, undecided = (sum(getattr(r, name) for r in rows) for name in ("detected", "named", "undecided"))
    return f"{detected} detected, {named} named, {undecided} undecided of {len(rows)}"


def crossed(rows: list[Row]) -> Iterator[str]:
    """The ratios for changes of all images, chosen on two patients' good cases and applied to the third."""
    whole = list(FAULTS)[:6]
    yield "| patient left out | views | ratio from the others | false alarms | faults of all images | at the default |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for patient in PATIENTS:
        for few in (True, False):
            some = [r for r in rows if (r.count < FEW_VIEWS) == few]
            limit = min(r.strongest for r in some if r.patient != patient and r.fault == "none")
            good = [r.strongest for r in some if r.patient == patient and r.fault == "none"]
            wrong = [r for r in some if r.patient == patient and r.fault in whole]
            yield (
                f"| {patient} | {'fewer than' if few else 'at least'} {FEW_VIEWS} | {limit:.2f} | "
                f"{sum(s < limit for s in good)} of {len(good)} | {sum(r.strongest < limit for r in wrong)} of "
                f"{len(wrong)} | {sum(r.strongest < max_cure_ratio(r.count) for r in wrong)} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=thread_count())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    set_thread_count(options.threads)
    rows: list[Row] = []
    turn = 0
    for patient in PATIENTS:
        for kind in KINDS:
            for number, xrays in enumerate(cases(patient, kind, options.data, options.out)):
                names = [list(FAULTS)[(turn + n) % len(FAULTS)] for n in range(FAULTS_PER_CASE)]
                turn += FAULTS_PER_CASE
                rows += [examined(patient, kind, number, fault, xrays) for fault in ("none", *names)]
            print(f"{patient} {kind}: done", flush=True)
    print("\n".join([*table(rows), "", *crossed(rows)]))
    for row in rows:
        if row.fault == "none" and row.detected:
            print(f"false alarm: {row}")
    times = [row.seconds for row in rows if 25 <= row.count <= 35]
    print(f"seconds for 25 to 35 views: median {np.median(times):.2f}, longest {max(times):.2f}")


if __name__ == "__main__":
    main()
