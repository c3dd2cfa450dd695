"""`python -m IXGSLib.cli.ready`: what an estimate needs is loaded before its command comes on standard input.

The command is one line, a JSON array of the words after `ixgs`. The process ends when its input does, and when no
command comes for IDLE_SECONDS, because it holds some hundred megabytes of memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading

import numpy as np

from ..errors import ReconstructionError
from ..formats import Case
from ..geometry import Grid
from ..geometry.trajectory import CArm, arc, trajectory
from ..messages import collect_warnings
from ..xray import XRay
from .program import DONE, main, quiet_libraries

IDLE_SECONDS = 900.0
PIXELS, SIDE_MM = 64, 40.0
"""Pixels along each side of the X-rays of the rehearsal, and length of its region."""


def wait() -> int:
    """Rehearse, then run the command that comes; returns its exit code."""
    quiet_libraries()
    with contextlib.suppress(Exception):  # what fails here fails in the command too, which reports it
        rehearse()
    impatient = threading.Timer(IDLE_SECONDS, os._exit, [DONE])
    impatient.daemon = True
    impatient.start()
    line = _first_line(sys.stdin.fileno())
    impatient.cancel()
    return main(json.loads(line)) if line else DONE


def rehearse() -> None:
    """Estimate the bone of a small case, which loads libraries, networks and compiled kernels."""
    from ..prior.expectation import expected_bone
    from ..standardization import StandardizationSettings, standardize
    from ..volume.bone import bone_surface

    arm = CArm(detector_pixels=(PIXELS, PIXELS), detector_size=2 * SIDE_MM)
    image = np.linspace(0, 3, PIXELS**2, dtype=np.float32).reshape(PIXELS, PIXELS)
    views = trajectory(arm, arc(2), np.zeros(3))
    xrays = tuple(XRay(view, image, np.ones(image.shape, bool), "intensity") for view in views)
    with collect_warnings():
        case = Case(xrays, Grid.centered(np.zeros(3), np.full(3, SIDE_MM), 1.0))
        found = expected_bone(standardize(case, StandardizationSettings("pix2pix")), "learnt")
        assert found is not None  # learnt raises where it cannot be used
        with contextlib.suppress(ReconstructionError):  # noise may have no surface
            bone_surface(found.estimate.prior.bone)


def _first_line(descriptor: int) -> bytes:
    """The bytes up to the end of a line, of the input or of both; nothing after it is read."""
    line = b""
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line


if __name__ == "__main__":
    sys.exit(wait())
