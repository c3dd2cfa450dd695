"""Draw the pictures of the scene in Resources/Screenshots, from a finished run on the sample case.

    ixgs reconstruct Resources/SampleCase --out RUN
    python Testing/scene/make_pictures.py RUN

They are drawn by slicer-core, Slicer's MRML without its desktop, and state that.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from IXGSLib.formats import load_case
from IXGSLib.resources import resource
from IXGSLib.scene import load_run, open_scene
from IXGSLib.scene.bone import add_bone, render_bone, suggested_threshold
from IXGSLib.scene.c_arm import highlight, look_through, show_c_arm
from IXGSLib.scene.slices import align_slices
from Testing.scene.rendering import Views

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "Screenshots"
NOTE = (
    "Drawn with slicer-core, not in Slicer's desktop. Research use only. "
    "CT: TCGA-OV, The Cancer Imaging Archive, CC BY 3.0."
)
SIDE, GAP = 420, 6
VIEW = "006"
POINT = (-15.0, 62.0, 1300.0)
"""LPS mm: a point in a vertebral body of the sample case, through which all slices pass."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    case, scene = load_case(resource("SampleCase")), open_scene()
    views, volume = Views(scene), load_run(scene, run)
    save(slices(scene, views, volume), "slicer_core_slices.png")

    scene.RemoveNode(scene.GetFirstNodeByClass("vtkMRMLSegmentationNode"))
    render_bone(scene, volume, 1.3 * suggested_threshold(volume))
    shown = show_c_arm(scene, case.xrays, case.grid)
    camera, space = three_dimensional(scene)
    left = overview(views, camera, space, case.grid.center)
    highlight(shown, VIEW)
    look_through(camera, next(view for view in case.views if view.id == VIEW))
    save(np.concatenate([left, views.space(camera, space, (SIDE, SIDE))], axis=1), "slicer_core_c_arm.png")


def slices(scene: Any, views: Views, volume: Any) -> np.ndarray:
    """Axial, sagittal and coronal slices with the outline of the bone."""
    add_bone(scene, volume).GetDisplayNode().SetOpacity2DFill(0.25)
    pictures = []
    for name in ("Red", "Yellow", "Green"):
        node = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        node.SetLayoutName(name)
        align_slices([node], None, POINT)
        pictures += [views.slice(node, volume, (SIDE, SIDE)), np.full((SIDE, GAP, 3), 255, np.uint8)]
    return np.concatenate(pictures[:-1], axis=1)


def three_dimensional(scene: Any) -> tuple[Any, Any]:
    camera, space = (scene.AddNewNodeByClass(f"vtkMRML{kind}Node") for kind in ("Camera", "View"))
    for node in (camera, space):
        node.SetLayoutName("1")
    space.SetBoxVisible(False)
    space.SetAxisLabelsVisible(False)
    return camera, space


def overview(views: Views, camera: Any, space: Any, center: np.ndarray) -> np.ndarray:
    """The whole C-arm around the spine, seen from the side."""
    middle = center * (-1, -1, 1)
    camera.SetFocalPoint((middle + (0, 60, -20)).tolist())
    camera.SetPosition((middle + (1150, -1500, 900)).tolist())
    camera.SetViewUp(0, 0, 1)
    camera.SetViewAngle(29)
    return views.space(camera, space, (2 * SIDE, SIDE))


def save(picture: np.ndarray, name: str) -> None:
    image = Image.new("RGB", (picture.shape[1], picture.shape[0] + 24), "white")
    image.paste(Image.fromarray(picture))
    draw = ImageDraw.Draw(image)
    draw.text((6, picture.shape[0] + 5), NOTE, fill="#555", font=ImageFont.load_default(13))
    image.save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
