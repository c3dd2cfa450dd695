"""RTK's reconstructions and textbook ones on RTK's projectors, as iterators: each yields its volume after an iteration.

Volumes are float32 [k, j, i] on the grid of the problem, 1/mm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import itk
import numpy as np
from itk import RTK as rtk

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import apply, rigid
from Testing.benchmarks.quality.projector import Image, Projector, geometry, image, stack

GRADIENT = itk.Image[itk.CovariantVector[itk.F, 3], 3]
POWER_ITERATIONS = 5
TV_ITERATIONS = 10


@dataclass(frozen=True, eq=False)
class Problem:
    """Line integrals [view, row, column] and the grid on which their volume is wanted."""

    images: np.ndarray
    views: Sequence[View]
    grid: Grid


def sart(problem: Problem, relaxation: float) -> Iterator[np.ndarray]:
    """RTK's SART with positivity (A. Andersen and A. Kak, Ultrasonic Imaging 1984), an iteration at a time."""
    values = np.zeros(problem.grid.shape, np.float32)
    found, measured = geometry(problem.views, problem.grid.center), stack(problem.images, problem.views)
    while True:
        solver = rtk.SARTConeBeamReconstructionFilter[Image, Image].New()
        solver.SetForwardProjectionFilter(solver.ForwardProjectionType_FP_JOSEPH)
        solver.SetBackProjectionFilter(solver.BackProjectionType_BP_JOSEPH)
        solver.SetInput(0, image(values, problem.grid))
        solver.SetInput(1, measured)
        solver.SetGeometry(found)
        solver.SetNumberOfIterations(1)
        solver.SetLambda(relaxation)
        solver.SetEnforcePositivity(True)
        # The detector's offset that RTK would weight for belongs to a scan of a full circle.
        solver.SetDisableDisplacedDetectorFilter(True)
        solver.Update()
        values = itk.array_from_image(solver.GetOutput())
        yield values


def conjugate_gradients(problem: Problem) -> Iterator[np.ndarray]:
    """Least squares by conjugate gradients from zero (CGLS: A. Bjorck, Numerical Methods for Least Squares, 7.4)."""
    projector = Projector(problem.views, problem.grid)
    values = np.zeros(problem.grid.shape, np.float32)
    residual = problem.images.astype(np.float32)
    direction = gradient = projector.backward(residual)
    norm = _square(gradient)
    while True:
        image = projector.forward(direction)
        step = np.float32(norm / _square(image))
        values = values + step * direction
        residual = residual - step * image
        gradient = projector.backward(residual)
        norm, before = _square(gradient), norm
        direction = gradient + np.float32(norm / before) * direction
        yield values


def fista_tv(problem: Problem, weight: float) -> Iterator[np.ndarray]:
    """Half of least squares plus `weight` times total variation, values at least 0, by FISTA.

    A. Beck and M. Teboulle, SIAM J. Imaging Sciences 2009. The proximal step is RTK's total variation filter, followed
    by clipping at 0.
    """
    projector = Projector(problem.views, problem.grid)
    lipschitz = _lipschitz(projector)
    values = extrapolated = np.zeros(problem.grid.shape, np.float32)
    momentum = 1.0
    while True:
        gradient = projector.backward(projector.forward(extrapolated) - problem.images)
        smooth = _denoised(extrapolated - gradient / np.float32(lipschitz), problem.grid, weight / lipschitz)
        values, before = np.maximum(smooth, 0), values
        momentum, last = (1 + np.sqrt(1 + 4 * momentum**2)) / 2, momentum
        extrapolated = values + np.float32((last - 1) / momentum) * (values - before)
        yield values


def fdk(problem: Problem) -> Iterator[np.ndarray]:
    """RTK's FDK (L. Feldkamp, L. Davis and J. Kress, J. Opt. Soc. Am. A 1984), for a full circle around the z axis."""
    # RTK takes angles around the y axis.
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    motion = rigid(turn, problem.grid.center - turn @ problem.grid.center)
    grid = Grid(
        problem.grid.shape, problem.grid.spacing, apply(motion, problem.grid.origin), turn @ problem.grid.direction
    )
    views = [view.moved(motion) for view in problem.views]
    solver = rtk.FDKConeBeamReconstructionFilter[Image].New()
    solver.SetInput(0, image(np.zeros(grid.shape, np.float32), grid))
    solver.SetInput(1, stack(problem.images, views))
    solver.SetGeometry(geometry(views, grid.center))
    solver.Update()
    yield itk.array_from_image(solver.GetOutput())


def _lipschitz(projector: Projector) -> float:
    """The largest eigenvalue of backward after forward, by power iteration, slightly rounded up."""
    values = np.ones(projector.grid.shape, np.float32)
    for _ in range(POWER_ITERATIONS):
        values = projector.backward(projector.forward(values / np.float32(np.sqrt(_square(values)))))
    return 1.02 * float(np.sqrt(_square(values)))


def _denoised(values: np.ndarray, grid: Grid, gamma: float) -> np.ndarray:
    solver = rtk.TotalVariationDenoisingBPDQImageFilter[Image, GRADIENT].New()
    solver.SetInput(image(values, grid))
    solver.SetGamma(float(gamma))
    solver.SetNumberOfIterations(TV_ITERATIONS)
    solver.Update()
    return itk.array_from_image(solver.GetOutput())


def _square(values: np.ndarray) -> float:
    """The sum of squares."""
    return float(np.vdot(values.astype(np.float64), values))
