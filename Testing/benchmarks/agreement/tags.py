"""How often X-rays choose the conventions of their DICOM tags right.

    PYTHONPATH=. .venv/bin/python -m Testing.benchmarks.agreement.tags

The two sample cases as folders of a system with each deviation, and with none. Stated angles are off by a standard
deviation of a degree and rounded to a degree, and images are shifted by up to 1.5 mm at the isocentre. Nothing states
from where images are seen, except for `elements-from-source`, and the table does not move.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.consistency import middle
from IXGSLib.formats import load_case
from IXGSLib.formats.tagged_xrays import TaggedXRays
from IXGSLib.resources import resource
from IXGSLib.runs.tag_choice import choose
from IXGSLib.xray import XRay
from IXGSLib.xray.dicom.conventions import Deviation
from IXGSLib.xray.reduction import reduced
from Testing.formats.tagged import I0, write_tagged

CASES = {"line integrals of bone": "SampleCase", "X-rays with soft tissue": "RealisticCase"}
COUNTS = (8, 16)
ANGLE_ERROR = 1.0
MAX_SHIFT_PIXELS = 1
MASKED = 10.0
"""Line integral of masked pixels, which are written as the shadow of a collimator."""


def shots(xrays: Sequence[XRay], count: int, seed: int) -> list[XRay]:
    """Some of the X-rays, about their isocentre, with errors of angles and of the place of the image."""
    generator = np.random.default_rng(seed)
    center = middle([xray.view for xray in xrays])
    chosen = [xrays[n] for n in np.linspace(0, len(xrays) - 1, count).round().astype(int)]
    found = []
    for xray in chosen:
        small = reduced(xray, 2)
        pose = small.view.world_from_camera.copy()
        pose[:3, 3] -= center
        turned = np.eye(4)
        turned[:3, :3] = Rotation.from_rotvec(np.deg2rad(generator.normal(0, ANGLE_ERROR, 3))).as_matrix()
        shift = generator.integers(-MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS + 1, 2)
        image = np.where(small.mask, np.clip(small.image, 0, None), MASKED)
        image = np.roll(image, shift, (0, 1))
        found.append(replace(small, image=image, view=replace(small.view, world_from_camera=turned @ pose)))
    return found


def trials() -> Iterator[tuple[str, int, str, str, float]]:
    """Kind of X-rays, number of views, deviation, outcome and seconds of each trial."""
    deviations: list[tuple[Deviation, ...]] = [
        (),
        *((name,) for name in get_args(Deviation) if name != "table-lengthwise"),
    ]
    for kind, name in CASES.items():
        xrays = load_case(resource(name)).xrays
        for count in COUNTS:
            for seed, names in enumerate(deviations):
                with tempfile.TemporaryDirectory() as folder:
                    written = write_tagged(Path(folder) / "XA", shots(xrays, count, seed), names)
                    tagged = TaggedXRays.read(written, i0=I0)
                    began = time.perf_counter()
                    choice = choose(tagged)
                outcome = f"right, by {choice.decided_by}" if choice.names == names else "wrong"
                outcome = outcome if choice.decided else "not decided"
                if names == ("room-angles",) and choice.decided and not choice.names:
                    outcome = "standard, and room-angles named"
                yield kind, count, names[0] if names else "none", outcome, time.perf_counter() - began
                print(
                    kind,
                    count,
                    names,
                    outcome,
                    f"{time.perf_counter() - began:.1f} s",
                    choice.sentence,
                    file=sys.stderr,
                )


if __name__ == "__main__":
    print("| X-rays | views | deviation | outcome | time |\n| --- | --- | --- | --- | --- |")
    for *cells, seconds in trials():
        print(f"| {' | '.join(map(str, cells))} | {seconds:.1f} s |", flush=True)
