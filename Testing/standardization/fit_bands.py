"""Fits the weights of the classical standardisation, and measures them on patients that were not used for the fit.

    python Testing/standardization/fit_bands.py CT... [--count N]

Simulated X-rays at random poses and settings, N of each CT (24 when not given), without implants; least squares of
their bands against the bone-enhanced targets, each picture counting as its PSNR does. Prints weights and pedestal from
all CTs, and the mean PSNR and SSIM on each CT of the X-ray and of the standardisation, both fitted to the other CTs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from IXGSLib.evaluation.metrics import ssim
from IXGSLib.psnr import psnr
from IXGSLib.simulation import ImagingSettings, drawing
from IXGSLib.simulation.body import body
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.simulation.spine import spine
from IXGSLib.standardization.classical import contrast
from IXGSLib.volume.images import read_image
from IXGSLib.xray.bands import bands

SIZE, SEED, EVERY = 256, 7, 5
REFERENCE = 0.15
"""The contrast at which the weights are stated; `classical.CONTRAST` is the larger one at which they are used."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The measured pixels of one picture: (n, 2) and (n, 8) predictors, the target, and the mask they came from."""

    raw: np.ndarray
    parts: np.ndarray
    target: np.ndarray
    image: np.ndarray
    mask: np.ndarray

    @property
    def weight(self) -> float:
        return 1 / float(np.ptp(self.target))


def samples(ct: Path, count: int) -> list[Sample]:
    patient = body(*read_image(ct), 200.0, 30.0)
    along = spine(patient)
    result = []
    for number in range(count):
        generator = np.random.default_rng([SEED, number])
        view, center = drawing.draw_view(generator, patient, along, SIZE)
        settings = replace(drawing.draw_settings(generator, ImagingSettings()), implants=())
        taken = radiograph(Subject(patient, center), view, settings)
        mask = taken.field & (taken.signal > 0)
        lines = -np.log(np.maximum(taken.signal, 1e-5))
        parts = bands(lines, mask, view.pixel_size(center))
        gained = REFERENCE / contrast(parts, mask) * parts[:, mask].T
        ones = np.ones((len(gained), 1))
        result.append(
            Sample(
                np.hstack([lines[mask][:, None], ones]),
                np.hstack([gained, ones]),
                taken.target[mask],
                taken.target,
                mask,
            )
        )
    return result


def fitted(chosen: list[Sample], name: str) -> np.ndarray:
    """Least squares of the predictors called `name` over some pictures."""
    matrix = np.concatenate([sample.weight * getattr(sample, name)[::EVERY] for sample in chosen])
    return np.linalg.lstsq(matrix, np.concatenate([s.weight * s.target[::EVERY] for s in chosen]), rcond=None)[0]


def quality(chosen: list[Sample], name: str, weights: np.ndarray) -> tuple[float, float]:
    """Mean PSNR in dB and SSIM of some pictures."""
    numbers = []
    for sample in chosen:
        made = np.zeros(sample.mask.shape, np.float32)
        made[sample.mask] = np.maximum(getattr(sample, name) @ weights, 0)
        peak = float(np.ptp(sample.target))
        pair = psnr(made[sample.mask], sample.target, data_range=peak), ssim(made, sample.image, mask=sample.mask)
        numbers.append(pair)
    first, second = np.mean(numbers, axis=0)
    return float(first), float(second)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cts", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=24)
    options = parser.parse_args()
    found = {ct: samples(ct, options.count) for ct in options.cts}
    everything = [sample for each in found.values() for sample in each]
    print("weights, pedestal:", np.round(fitted(everything, "parts"), 2).tolist())
    for ct in found if len(found) > 1 else ():
        others = [sample for other, each in found.items() if other != ct for sample in each]
        for name in ("raw", "parts"):
            decibels, similarity = quality(found[ct], name, fitted(others, name))
            print(f"{ct.parent.name}, {name}: {decibels:.2f} dB, SSIM {similarity:.3f}")


if __name__ == "__main__":
    main()
