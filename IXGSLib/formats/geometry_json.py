"""Views and grids as JSON, in the same form in all files of IXGS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import FormatError
from ..geometry import Grid, View
from .strict_json import numbers


def view_as_json(view: View) -> dict[str, Any]:
    """A view as "id", "size", "K", "world_from_camera" (LPS mm) and, where it is known, "pixel_spacing" (mm)."""
    entry: dict[str, Any] = {
        "id": view.id,
        "size": list(view.size),
        "K": view.K.tolist(),
        "world_from_camera": view.world_from_camera.tolist(),
    }
    if view.pixel_spacing is not None:
        entry["pixel_spacing"] = list(view.pixel_spacing)
    return entry


def view_from_json(entry: Mapping[str, Any]) -> View:
    """The view of `view_as_json`; raises FormatError for missing or malformed entries, and GeometryError."""
    id = entry.get("id", "")
    what = f"view '{id}'"
    missing = [key for key in ("size", "K", "world_from_camera") if key not in entry]
    if missing:
        raise FormatError(f'{what}: no "{missing[0]}", expected size, K and world_from_camera; write it again')
    spacing = entry.get("pixel_spacing")
    pair = None if spacing is None else numbers(spacing, (2,), f'{what}: "pixel_spacing"').tolist()
    width, height = numbers(entry["size"], (2,), f'{what}: "size"').tolist()
    return View(
        numbers(entry["K"], (3, 3), f'{what}: "K"'),
        numbers(entry["world_from_camera"], (4, 4), f'{what}: "world_from_camera"'),
        (width, height),
        id,
        None if pair is None else (pair[0], pair[1]),
    )


def grid_as_json(grid: Grid) -> dict[str, Any]:
    """A grid as "shape" (k, j, i), "spacing" (i, j, k), "origin" (LPS mm) and "direction"."""
    return {
        "shape": list(grid.shape),
        "spacing": grid.spacing.tolist(),
        "origin": grid.origin.tolist(),
        "direction": grid.direction.tolist(),
    }


def grid_from_json(entry: Mapping[str, Any]) -> Grid:
    """The grid of `grid_as_json`; raises FormatError for missing or malformed entries, and GeometryError."""
    shapes = {"shape": (3,), "spacing": (3,), "origin": (3,), "direction": (3, 3)}
    missing = [key for key in shapes if key not in entry]
    if missing:
        raise FormatError(f'grid: no "{missing[0]}", expected {", ".join(shapes)}; write it again')
    values = {key: numbers(entry[key], shape, f'grid: "{key}"') for key, shape in shapes.items()}
    k, j, i = values["shape"].tolist()
    return Grid((k, j, i), values["spacing"], values["origin"], values["direction"])


def box_as_json(grid: Grid) -> dict[str, Any]:
    """The region of a case.json: "center", "size" (mm), "spacing" of cubic voxels and "direction".

    Raises FormatError for voxels that are not cubes.
    """
    if grid.spacing.max() - grid.spacing.min() > 1e-9 * grid.spacing[0]:
        raise FormatError(f"voxels of {grid.spacing.tolist()} mm, expected cubes; use grid.with_spacing before saving")
    return {
        "center": grid.center.tolist(),
        "size": grid.size.tolist(),
        "spacing": float(grid.spacing[0]),
        "direction": grid.direction.tolist(),
    }


def box_from_json(volume: Any, what: str) -> Grid:
    """The grid of `box_as_json`; raises FormatError that begins with `what`."""
    if not isinstance(volume, dict) or not {"center", "size", "spacing"} <= volume.keys():
        raise FormatError(f'{what} is incomplete, expected "center", "size" and "spacing", all in mm')
    direction = volume.get("direction")
    return Grid.centered(
        numbers(volume["center"], (3,), f'{what}: "center"'),
        numbers(volume["size"], (3,), f'{what}: "size"'),
        float(numbers(volume["spacing"], (), f'{what}: "spacing"')),
        None if direction is None else numbers(direction, (3, 3), f'{what}: "direction"'),
    )
