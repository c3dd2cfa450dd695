"""Runs under review, and what the panel shows of their poses."""

from __future__ import annotations

import json

import numpy as np

POSE = 3
"""Column of the table."""


def poses(ui):
    """The column of poses in the table."""
    return [ui.viewsTable.item(row, POSE).text() for row in range(ui.viewsTable.rowCount)]


def review(panel, run):
    """Load a run as the volume under review."""
    import slicer

    from IXGSLib.scene.runs import load_run

    panel.parameters.volume = load_run(slicer.mrmlScene, run)


def record(run, **changes):
    """Change what run.json says about the refinement."""
    content = json.loads((run / "run.json").read_text())
    content["refinement"] |= changes
    (run / "run.json").write_text(json.dumps(content))


def with_given_poses(run):
    """Let a run say that the given poses agreed as well as refined ones."""
    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    record(run, views=[view | {"state": "given", "rotation": 0.0, "shift": 0.0, "beam": 0.0} for view in views])


def final_pose(run, id):
    """(4, 4) world_from_camera of a view at the end of a run."""
    views = json.loads((run / "poses.json").read_text())["views"]
    return next(np.array(view["world_from_camera"]) for view in views if view["id"] == id)
