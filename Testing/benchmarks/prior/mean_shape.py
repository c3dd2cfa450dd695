"""What a mean shape of the lumbar spine is worth where it is placed best, beside the learnt prior with three X-rays.

    python Testing/benchmarks/prior/mean_shape.py --weights FILE [FILE ...] --bone-weights FILE [FILE ...]
                                                  [--table] [--out FOLDER]

The mean of L2 to L5 over 87 patients (A. L. Clouthier et al., J. Biomech. 155, 2023) is moved, turned and scaled onto
the true surface of the lumbar patient of `standardization/patients.py` by iterative closest points from many starts: no
method can place it better without knowing the truth. F1 within 1 and 2 mm is that of the surfaces in the box around the
placed shape. Results are stored in mean_shape.json; the table in docs/prior.md is made from them.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
import vtk
from scipy.spatial import cKDTree
from vtk.util.numpy_support import numpy_to_vtk

from IXGSLib.formats.case_source import evenly
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import bone_surface, bone_threshold, nominal_threshold
from IXGSLib.volume.mesh import Mesh
from Testing.benchmarks.pages import ROOT, Part
from Testing.benchmarks.prior import preview
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import patients
from Testing.benchmarks.standardization.exposures import Networks, digest
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("mean_shape.json")
PART = Part(ROOT / "docs" / "prior.md", "mean shape table", "Testing/benchmarks/prior/mean_shape.py")
SHAPE = DATA / "mesh_ssm_lumbar_mean" / "mean_L2_L5.npz"
LPS_FROM_MODEL = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""The model's axes point forward, to the left and up."""
EXPOSURES = ("lumbar", "lumbar-again")
COUNT = 3
METHODS = {"shape": "mean shape, placed best", "learnt": "learnt prior alone, 3 X-rays"}
HEIGHTS_MM, DEPTHS_MM = np.arange(-60.0, 61.0, 10.0), (-15.0, 15.0)
"""Starts: up and down the spine by more than a vertebra, and in front of and behind the middle of the bone."""
LANDMARKS, ITERATIONS, MARGIN_MM = 2000, 60, 3.0


def main(arguments: list[str]) -> int:
    options = preview.parser(__doc__ or "").parse_args(arguments)
    store = Store(options.out / STORE.name if options.out else STORE)
    if not options.table:
        for name in EXPOSURES:
            networks = patients.unseen(patients.PATIENTS["lumbar"].ct, options.weights, options.bone_weights)
            if networks is None or networks.bone is None:
                raise SystemExit("no weights that have not seen the patient; give --weights and --bone-weights")
            _measure(store, name, networks)
    table = page_part(store.content)
    if options.out:
        (options.out / "mean_shape.md").write_text(table + "\n", encoding="utf-8")
    else:
        PART.write(table)
    return 0


def placed(shape: np.ndarray, surface: Mesh) -> np.ndarray:
    """The points of a shape (n, 3), moved, turned and scaled onto a surface: the best of all starts."""
    middle = np.median(surface.vertices, axis=0) - shape.mean(axis=0)
    tree = cKDTree(surface.vertices)
    found = []
    for up, back in itertools.product(HEIGHTS_MM, DEPTHS_MM):
        points = _matched(shape + middle + (0, back, up), surface)
        found.append((float(np.mean(tree.query(points[:: len(points) // LANDMARKS + 1])[0])), points))
    return min(found, key=lambda each: each[0])[1]


def page_part(content: dict[str, Any]) -> str:
    """The text between the marks of the page: means over the exposures."""
    rows = ["| | F1 at 1 mm | F1 at 2 mm |", "| --- | ---: | ---: |"]
    for method, words in METHODS.items():
        runs = [run for run in content["runs"] if run["method"] == method]
        rows.append(f"| {words} | {' | '.join(f'{np.mean([run[key] for run in runs]):.2f}' for key in _keys())} |")
    return f"Measured on {measured_on(content['runs'])}.\n\n" + "\n".join(rows)


def _measure(store: Store, name: str, networks: Networks) -> None:
    exposure = patients.exposure(name)
    surface = bone_surface(exposure.truth, nominal_threshold(exposure.truth), closed=False)
    with np.load(SHAPE, allow_pickle=False) as arrays:
        shape = placed(arrays["vertices_mm"].astype(np.float64) @ LPS_FROM_MODEL.T, surface)
    few = preview.standardized(evenly(exposure.case, COUNT), networks)
    points = {"shape": shape, "learnt": _vertices(preview.volume_of(few, "learnt", networks))}
    wanted = _beside(surface.vertices, shape)
    for method, made in points.items():
        scores = {
            key: preview.f1(_beside(made, shape), wanted, tolerance)
            for key, tolerance in zip(_keys(), preview.TOLERANCES, strict=True)
        }
        store.add({"case": name, "method": method, "seed": 0, "weights": digest(networks)} | scores)


def _vertices(volume: Volume) -> np.ndarray:
    return bone_surface(volume, bone_threshold(volume), closed=False).vertices


def _keys() -> list[str]:
    return [f"f1_{tolerance:g}" for tolerance in preview.TOLERANCES]


def _beside(points: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The points in the box around a shape."""
    low, high = shape.min(axis=0) - MARGIN_MM, shape.max(axis=0) + MARGIN_MM
    return points[((points > low) & (points < high)).all(axis=1)]


def _matched(points: np.ndarray, surface: Mesh) -> np.ndarray:
    """The points after iterative closest points with a similarity transform."""
    closest = vtk.vtkIterativeClosestPointTransform()
    closest.SetSource(_polydata(points))
    closest.SetTarget(_polydata(surface.vertices, surface.faces))
    closest.GetLandmarkTransform().SetModeToSimilarity()
    closest.SetMaximumNumberOfLandmarks(LANDMARKS)
    closest.SetMaximumNumberOfIterations(ITERATIONS)
    closest.Update()
    matrix = closest.GetMatrix()
    values = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(3)])
    return points @ values[:, :3].T + values[:, 3]


def _polydata(points: np.ndarray, faces: np.ndarray | None = None) -> Any:
    data, positions = vtk.vtkPolyData(), vtk.vtkPoints()
    positions.SetData(numpy_to_vtk(np.ascontiguousarray(points, np.float64), deep=True))
    data.SetPoints(positions)
    if faces is not None:
        cells = vtk.vtkCellArray()
        cells.SetData(3, numpy_to_vtk(np.ascontiguousarray(faces, np.int64).ravel(), deep=True))
        data.SetPolys(cells)
    return data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
