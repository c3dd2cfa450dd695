"""Vertebrae of a CT without labels, from one point in each vertebral body."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from ..errors import FormatError, GeometryError
from ..formats.strict_json import numbers, read_json
from ..geometry import Grid
from ..geometry.rigid import Array, apply
from .labels import LEVELS

REACH_MM = 75.0
"""Distance from the nearest point up to which bone belongs to a vertebra."""
BONE_HU, BONE_SOFTNESS_HU = 100.0, 60.0
"""HU above which a voxel is bone, cancellous bone of old patients included, and the width of the step."""
TISSUE_COST = 30.0
"""Length of a path through soft tissue relative to the same path through bone."""
LONGEST_PATH_MM = 110.0
"""Longest path through bone from a point to the bone of its vertebra; beyond it ribs and pelvis begin."""
_SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}

Points = Mapping[str, Array]
"""A point (3,) LPS mm of the CT in the body of each vertebra, by its name."""


def labels_from_points(hounsfield: np.ndarray, grid: Grid, points: Points) -> np.ndarray:
    """Labels [k, j, i] int16 of vertebrae: 1 for the first of `LEVELS` among the points, and so on.

    A voxel of bone goes to the point from which the path through bone is shortest: processes reach their own body
    through its pedicles, and neighbours only across discs and joints. Raises GeometryError for points outside the CT
    and for names that are no vertebrae or out of order.
    """
    from skimage.graph import MCP_Geometric  # slow to import

    ordered = sorted_points(points)
    window, corner = _window(grid, np.array(list(ordered.values())))
    part = gaussian_filter(hounsfield[window].astype(np.float32), 0.4)
    share = 0.5 * (1 + np.tanh((part - BONE_HU) / BONE_SOFTNESS_HU))
    costs = 1 / (1 / TISSUE_COST + (1 - 1 / TISSUE_COST) * share)
    least, own = np.full(part.shape, LONGEST_PATH_MM), np.zeros(part.shape, np.int16)
    for n, (name, point) in enumerate(ordered.items()):
        start = np.rint(apply(np.linalg.inv(grid.world_from_index), point)[::-1]).astype(int) - corner
        if np.any(start < 0) or np.any(start >= part.shape):
            raise GeometryError(f"point {name} lies outside the CT; set it in the middle of the vertebral body")
        # Bone farther from the point is not of its vertebra, so that paths need not be followed there.
        box, first = _window(grid, point[None])
        near = tuple(slice(each.start - c, each.stop - c) for each, c in zip(box, corner, strict=True))
        finder = MCP_Geometric(costs[near], sampling=tuple(grid.spacing[::-1].tolist()))
        paths = finder.find_costs([tuple(start + corner - first)])[0]
        nearer = paths < least[near]
        least[near][nearer], own[near][nearer] = paths[nearer], n + 1
    labels = np.zeros(hounsfield.shape, np.int16)
    labels[window] = np.where(part > BONE_HU, own, 0)
    return labels


def sorted_points(points: Points) -> dict[str, Array]:
    """The points from the head to the feet; raises GeometryError for other names, and for one order of heights."""
    wrong = [name for name in points if name not in LEVELS]
    if wrong or not points:
        raise GeometryError(f"points {', '.join(wrong) or 'none'}: expected vertebrae such as L3; they are {LEVELS}")
    ordered = {name: np.asarray(points[name], dtype=np.float64) for name in LEVELS if name in points}
    heights = np.diff([point[2] for point in ordered.values()])
    if len(heights) and heights.max() > -5:
        raise GeometryError(
            f"points {', '.join(ordered)} are not each at least 5 mm below the one before; check their names, and that "
            "they are in LPS"
        )
    return ordered


def names_of(points: Points) -> dict[int, str]:
    """The name of each label of `labels_from_points`."""
    return {n + 1: name for n, name in enumerate(sorted_points(points))}


def _window(grid: Grid, points: Array) -> tuple[tuple[slice, ...], np.ndarray]:
    """The part of a CT near the points, and the index k, j, i of its first voxel."""
    index = apply(np.linalg.inv(grid.world_from_index), points)[:, ::-1]
    rim = REACH_MM / grid.spacing[::-1]
    low = np.clip(np.floor(index.min(axis=0) - rim), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=0) + rim) + 1, low + 1, grid.shape).astype(int)
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True)), low


def read_points(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Points by vertebra, LPS mm, from Slicer's markups (.mrk.json) or JSON: {"L3": [x, y, z]}; raises FormatError."""
    name, content = Path(path).name, read_json(Path(path))
    if not isinstance(content, dict):
        raise FormatError(f'{name}: expected Slicer\'s markups or a JSON object such as {{"L3": [0, 20, -110]}} in LPS')
    if "markups" not in content:
        return {str(key): numbers(value, (3,), f"{name}: {key}") for key, value in content.items()}
    found: dict[str, Array] = {}
    for markup in _list(content["markups"], name):
        signs = _SIGNS.get(str(markup.get("coordinateSystem", "LPS")))
        if signs is None:
            raise FormatError(f"{name}: coordinateSystem {markup['coordinateSystem']!r}, expected LPS or RAS")
        for point in _list(markup.get("controlPoints"), name):
            label = str(point.get("label"))
            if label in found:
                raise FormatError(f"{name}: two points are named {label}; give each the name of its vertebra")
            found[label] = numbers(point.get("position"), (3,), f"{name}: {label}") * signs
    return found


def _list(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise FormatError(f"{name}: not the markups that Slicer writes; save the points again as .mrk.json")
    return value
