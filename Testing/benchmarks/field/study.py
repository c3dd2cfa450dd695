"""How well the field of view of a C-arm is found in the picture.

    python Testing/benchmarks/field/study.py [--images N] [--seed S] [--worst FOLDER]

Draws fields of every kind over line integrals of CTs in the data folder beside the checkout (of spheres in air without
it), finds them with IXGSLib.xray.collimation, and writes the table to FIELD.md beside this script. `--worst` also
saves the worst image of each kind with the mask outlined.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from IXGSLib.xray.collimation import collimated
from Testing.benchmarks.scene import DATA

PAGE = Path(__file__).with_name("FIELD.md")
FIRST_SEED = 90_000
"""Of the images on the page; thresholds are tuned on images of smaller seeds."""
RIM, DEEP_RIM = 0.97, 0.8
"""Transmission of the field's shape below which a pixel belongs to the rim, and to the part of it that does harm."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An X-ray and what is true of it.

    intensity: (rows, columns) as stored. transmission: (rows, columns) of the field's shape alone, 0 to 1.
    top: the largest number that the file can hold; such pixels and zeros are masked whatever the field.
    """

    intensity: np.ndarray
    transmission: np.ndarray
    top: float


@dataclass(frozen=True)
class Scene:
    """What a field is drawn with: size in pixels, standard deviation of the penumbra as a fraction of the size."""

    size: int
    penumbra: float
    generator: np.random.Generator

    def plane(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates from -1 to 1, (rows, columns) each."""
        y, x = (np.mgrid[: self.size, : self.size] - (self.size - 1) / 2) / (self.size / 2)
        return y, x

    def softened(self, opened: np.ndarray) -> np.ndarray:
        return np.clip(
            ndimage.gaussian_filter(opened.astype(np.float32), self.penumbra * self.size, mode="nearest"), 0, 1
        )


def disc(scene: Scene, low: float = 0.7, high: float = 0.95) -> np.ndarray:
    y, x = scene.plane()
    radius, (cy, cx) = scene.generator.uniform(low, high), scene.generator.uniform(-0.08, 0.08, 2)
    return np.hypot(y - cy, x - cx) < radius


def polygon(scene: Scene, sides: int, low: float = 0.65, high: float = 0.9) -> np.ndarray:
    """A polygon of equal angles, its sides at unequal distances from the middle."""
    y, x = scene.plane()
    turn = scene.generator.uniform(0, 2 * np.pi)
    inside = np.ones(y.shape, bool)
    for angle in turn + 2 * np.pi * np.arange(sides) / sides:
        inside &= x * np.cos(angle) + y * np.sin(angle) < scene.generator.uniform(low, high)
    return inside


def octagon(scene: Scene) -> np.ndarray:
    y, x = scene.plane()
    turn, half = scene.generator.choice([0, 0, scene.generator.uniform(0, 45)]), scene.generator.uniform(0.6, 0.93)
    angles = np.deg2rad(turn + 45 * np.arange(8))
    return np.max([x * np.cos(a) + y * np.sin(a) for a in angles], axis=0) < half


def blades(scene: Scene, angles: tuple[float, ...], turn: float = 30) -> np.ndarray:
    y, x = scene.plane()
    start = np.deg2rad(scene.generator.uniform(-turn, turn) + 90 * scene.generator.integers(4))
    inside = np.ones(y.shape, bool)
    for angle in start + np.deg2rad(angles):
        inside &= x * np.cos(angle) + y * np.sin(angle) < scene.generator.uniform(0.5, 0.85)
    return inside


def zeros_outside(scene: Scene, transmission: np.ndarray, radius: float = 0.97) -> np.ndarray:
    y, x = scene.plane()
    return np.where(np.hypot(y, x) < radius, transmission, 0)


def rounded_corners(scene: Scene) -> np.ndarray:
    y, x = scene.plane()
    radius = scene.generator.uniform(0.15, 0.4)
    return np.hypot(np.maximum(np.abs(y) - 1 + radius, 0), np.maximum(np.abs(x) - 1 + radius, 0)) < radius


def soft(shape: Callable[[Scene], np.ndarray]) -> Callable[[Scene], np.ndarray]:
    return lambda scene: scene.softened(shape(scene))


KINDS: dict[str, Callable[[Scene], np.ndarray]] = {
    "round": soft(disc),
    "round, larger than the image": soft(lambda s: disc(s, 1.05, 1.2)),
    "four blades": soft(lambda s: blades(s, (0, 90, 180, 270))),
    "octagonal blades": soft(octagon),
    "hexagonal blades": soft(lambda s: polygon(s, 6)),
    "irregular pentagon": soft(lambda s: polygon(s, 5)),
    "octagonal blades, zeros outside a circle": lambda s: zeros_outside(s, s.softened(octagon(s))),
    "round behind blades": soft(lambda s: disc(s, 0.85, 0.95) & blades(s, (0, 180))),
    "one blade": soft(lambda s: blades(s, (0,))),
    "two parallel blades": soft(lambda s: blades(s, (0, 180))),
    "two blades at a corner": soft(lambda s: blades(s, (0, 90))),
    "rounded corners": lambda s: rounded_corners(s).astype(np.float32),
    "no blades": lambda s: np.ones((s.size, s.size), np.float32),
}
PAINTED = ("octagonal blades, zeros outside a circle", "rounded corners")
"""Kinds whose files hold zeros outside of the field."""


def draw(kind: str, seed: int) -> Picture:
    """A picture of a kind; everything else about it is drawn with the seed."""
    generator = np.random.default_rng([seed, *kind.encode()])
    size = int(generator.choice([256, 512, 1024]))
    scene = Scene(size, generator.choice([0.001, 0.005, 0.01, 0.02, 0.03, 0.04]), generator)
    lines = anatomy(int(generator.integers(len(views()))), size)
    behind = float(np.median(np.exp(-lines[lines > 1])))  # the patient's, which automatic exposure holds constant
    transmission = KINDS[kind](scene)
    y, x = scene.plane()
    vignetting = 1 - generator.uniform(0, 0.2) * np.minimum(y**2 + x**2, 2)
    signal = transmission * vignetting * np.exp(-lines)
    stray = generator.choice([0, 0.01, 0.03, 0.06]) * ndimage.gaussian_filter(
        np.minimum(signal, 3 * behind), size / 8, mode="constant"
    )
    stray = stray + generator.choice([0, 0.01, 0.03]) * behind
    signal = signal + (np.where(transmission > 0, stray, 0) if kind in PAINTED else stray)
    photons, top = generator.choice([30, 200, 2000]) / behind, 2.0 ** int(generator.choice([8, 10, 12, 14, 16])) - 1
    gain = max(generator.uniform(0.7, 1.0) / signal.max(), 0.1 / behind)
    levels = np.clip(np.rint(generator.poisson(signal * photons) / photons * gain * top), 0, top)
    if generator.random() < 0.3:
        levels = annotated(levels, top)
    return Picture(levels, transmission, top)


def annotated(levels: np.ndarray, top: float) -> np.ndarray:
    """With text and an arc of marks burnt in at the rim."""
    size = len(levels)
    layer = Image.new("L", (size, size))
    pen = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=max(10, size // 40))
    pen.text((size * 0.02, size * 0.02), "R  78 kV\n2.1 mA", fill=255, font=font)
    pen.text((size * 0.8, size * 0.93), "L5 AP", fill=255, font=font)
    pen.arc((size * 0.03, size * 0.03, size * 0.97, size * 0.97), 200, 230, fill=255, width=max(1, size // 256))
    return np.where(np.asarray(layer) > 127, top, levels)


@lru_cache(maxsize=64)
def anatomy(number: int, size: int) -> np.ndarray:
    """(size, size) line integrals of one of `views`."""
    image = views()[number]
    return np.clip(ndimage.zoom(image, size / len(image), order=1), 0, None)


@lru_cache(maxsize=1)
def views() -> list[np.ndarray]:
    """Line integrals of spheres in air, and of CTs in directions around the spine and past the trunk's edge."""
    images = [spheres()]
    for name in ("ct_crlm_1006", "ct_tcga_ov_09_2043", "ct_lidc_0001"):
        path = DATA / name / "ct.nii.gz"
        if path.is_file():
            images += trunks(path)
    return images


def spheres(size: int = 512) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) / (size / 2)
    total = np.zeros((size, size))
    for cx, cy, radius, thickness in ((0, 0, 0.45, 1.3), (0.2, -0.1, 0.15, 1.5), (-0.2, 0.1, 0.1, 1.6)):
        total += thickness * np.sqrt(np.clip(1 - ((x - cx) ** 2 + (y - cy) ** 2) / radius**2, 0, None))
    return total


def trunks(path: Path, size: int = 512) -> list[np.ndarray]:
    from IXGSLib.geometry.trajectory import CArm
    from IXGSLib.simulation import ImagingSettings
    from IXGSLib.simulation.body import body
    from IXGSLib.simulation.spine import spine
    from IXGSLib.volume.images import read_image

    standard = ImagingSettings()
    patient = body(*read_image(path), standard.bone_threshold, standard.bone_softness)
    middle = spine(patient)
    center = middle[len(middle) // 2]
    arm = CArm(detector_pixels=(size, size))
    poses = ((0, 0, 0), (90, 0, 0), (40, 20, 0), (0, 0, 130), (90, 10, 70))
    shots = [arm.view(a, b, center + (shift, shift, 0), "view") for a, b, shift in poses]
    return [np.sum(patient.line_integrals(view)[0], axis=0) for view in shots]


@dataclass(frozen=True, eq=False)
class Measured:
    """Shares of the image that are rim and deep rim left in, the share of the field that is lost, and the mask.

    Pixels that are starved or saturated count in none of them: they are masked whatever the field.
    """

    rim: float
    deep_rim: float
    lost: float
    seconds: float
    mask: np.ndarray


def measured(picture: Picture) -> Measured:
    start = time.process_time()
    mask = ~collimated(picture.intensity)
    seconds = time.process_time() - start
    valid = (picture.intensity > 0) & (picture.intensity < picture.top)
    rim, deep = (np.mean((picture.transmission < level) & valid & mask) for level in (RIM, DEEP_RIM))
    field = (picture.transmission >= RIM) & valid
    return Measured(float(rim), float(deep), float(np.mean(~mask[field])) if field.any() else 0.0, seconds, mask)


def outlined(picture: Picture, mask: np.ndarray) -> Image.Image:
    """The logarithm of the picture with the mask's border in red and the true rim's in green."""
    level = np.log(np.maximum(picture.intensity, picture.intensity.max() * 1e-4))
    grey = np.uint8(255 * (level - level.min()) / max(np.ptp(level), 1e-9))
    colour = np.repeat(grey[..., None], 3, axis=2)
    width = max(1, len(grey) // 300)
    for region, paint in ((picture.transmission >= RIM, (0, 220, 0)), (mask, (255, 40, 40))):
        colour[ndimage.binary_dilation(region, iterations=width) & ~region] = paint
    return Image.fromarray(colour).resize((512, 512))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24, help="images of each kind")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first image of each kind")
    parser.add_argument("--worst", type=Path, help="folder for the worst image of each kind")
    options = parser.parse_args(arguments)
    lines = [
        "| kind | rim in the image | rim left in | worst | deep rim left in | worst | field lost | worst |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in KINDS:
        pictures = [draw(kind, options.seed + n) for n in range(options.images)]
        found = [measured(picture) for picture in pictures]
        rim, deep, lost = (np.array([getattr(f, name) for f in found]) for name in ("rim", "deep_rim", "lost"))
        whole = np.mean([np.mean(p.transmission < RIM) for p in pictures])
        shares = (whole, rim.mean(), rim.max(), deep.mean(), deep.max(), lost.mean(), lost.max())
        lines.append(f"| {kind} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")
        worst = np.argsort(-deep - rim - lost)[:2]
        seconds = np.mean([f.seconds for f in found])
        print(lines[-1], f"worst seeds {options.seed + worst}, {seconds:.2f} s of one core", flush=True)
        for rank, n in enumerate(worst if options.worst else ()):
            options.worst.mkdir(parents=True, exist_ok=True)
            outlined(pictures[n], found[n].mask).save(options.worst / f"{kind.replace(' ', '_')}_{rank}.png")
    PAGE.write_text(page(lines, options.images), encoding="utf-8")
    return 0


def page(lines: list[str], images: int) -> str:
    return (
        "# The field of view found in the picture\n\n"
        f"Written by `python Testing/benchmarks/field/study.py`: {images} simulated images of each kind, of seeds that "
        "were not used while the method was made, of 256 to "
        "1024 pixels and 8 to 16 bits, with penumbras of 0.1 to 4 % of the size in standard deviation, vignetting, "
        "noise and stray light, and with text burnt into three of ten.\n"
        f"The rim is where the shape of the field lets less than {100 * RIM:.0f} % through, the deep rim less than "
        f"{100 * DEEP_RIM:.0f} %. Rim left in is a share of the image, field lost a share of the open field. Starved "
        "and saturated pixels do not count: they are masked in any case.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
