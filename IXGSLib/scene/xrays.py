"""X-rays in a scene: as a sequence of images on their detectors, and from images that the user loaded."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FormatError
from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.rigid import Array
from .arrays import image_of, seen_in, values_of
from .frames import FLIP, flipped, pose_of, vtk_matrix, world_from_node

if TYPE_CHECKING:
    from ..formats import Case
    from ..xray import XRay
    from ..xray.radiograph import Values

VIEW, MASK = "IXGS.View", "IXGS.Mask"
"""Attributes of the image nodes: the view in JSON, and which pixels were measured as a PNG in base64."""
WINDOW = (0.5, 99.5)
"""Percentiles of the measured pixels that are shown black and white."""
ASSUMED_DISTANCE = 1.6
"""Where a detector is shown whose distance is unknown, in units of the distance from source to region."""


def add_xrays(
    scene: Any, xrays: Sequence[XRay], name: str = "X-rays", grid: Grid | None = None, node: Any = None
) -> Any:
    """A vtkMRMLSequenceNode of line-integral images by the ids of their views, each lying on its detector.

    grid: the region, as in `show_c_arm`. node: gets the X-rays beside those that it has, in place of a new sequence.
    Views and masks go along: `xrays_of` gives the same X-rays back, also from a saved scene.
    Raises FormatError without X-rays, which leave nothing to browse.
    """
    import slicer

    if not xrays:
        raise FormatError(f"{name}: no X-rays, expected at least one; choose images and their poses")
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        node.SetIndexName("view")
        node.SetIndexUnit("")
        node.SetIndexType(slicer.vtkMRMLSequenceNode.TextIndex)
    center = convergence([xray.view for xray in xrays]) if grid is None else grid.center
    for xray in xrays:
        image = slicer.vtkMRMLScalarVolumeNode()
        image.SetName(xray.view.id)
        _write(image, xray, center)
        node.SetDataNodeAtValue(image, xray.view.id)
    return node


def add_xray_browser(scene: Any, sequence: Any, window: tuple[float, float] | None = None) -> Any:
    """A vtkMRMLSequenceBrowserNode that shows one X-ray of a sequence at a time, all in one grey window.

    window: what is black and what is white, by default what `grey_window` finds for all of them.
    Its proxy is a volume node in the scene, which Slicer fills when another X-ray is chosen.
    """
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequence.GetName()} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetPlaybackActive(False)
    proxy = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", sequence.GetName())
    proxy.CopyContent(sequence.GetNthDataNode(0))
    proxy.CreateDefaultDisplayNodes()
    browser.AddProxyNode(proxy, sequence, False)
    low, high = window or grey_window(xrays_of(sequence))
    display = proxy.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(low, high)
    return browser


def xrays_of(sequence: Any) -> tuple[XRay, ...]:
    """The X-rays of a sequence that `add_xrays` made; raises FormatError for another one."""
    return tuple(_read(sequence.GetNthDataNode(n)) for n in range(sequence.GetNumberOfDataNodes()))


def view_of_image(node: Any) -> View:
    """The view of an image node of `add_xrays`, its parent transforms applied; raises FormatError for another node."""
    return read_view(node).moved(FLIP @ world_from_node(node) @ FLIP)


def xray_of(
    image_node: Any,
    pose_node: Any,
    *,
    source_detector_distance: float,
    values: Values = "intensity",
    i0: float | None = None,
    pixel_spacing: tuple[float, float] | None = None,
    principal_point: tuple[float, float] | None = None,
) -> XRay:
    """The X-ray in an image that the user loaded, with the C-arm's pose from a linear transform node.

    image_node: a volume node of one slice; its first row is the top of the image, its place in the scene is not used.
    pose_node: RAS from the camera, whose x points to the right of the image, y down and z from source to detector.
    source_detector_distance: mm. values, i0: what the pixels are, as in case.json.
    pixel_spacing: (x, y) mm on the detector, the node's by default. principal_point: (x, y) pixels where the principal
    ray ends, the image's centre by default.
    Raises FormatError and GeometryError that name the node.
    """
    view, pixels = exposure_of(
        image_node,
        pose_node,
        source_detector_distance=source_detector_distance,
        pixel_spacing=pixel_spacing,
        principal_point=principal_point,
    )
    return xray_from(view, np.array(pixels), values, i0)


def exposure_of(
    image_node: Any,
    pose_node: Any,
    *,
    source_detector_distance: float,
    pixel_spacing: tuple[float, float] | None = None,
    principal_point: tuple[float, float] | None = None,
) -> tuple[View, np.ndarray]:
    """What `xray_of` takes from the scene, at once: the view, and the pixels (height, width) or (.., .., channels).

    The pixels are those of the node, not copied: for looking at them now. `xray_from` makes the X-ray of both.
    """
    name, pixels = image_node.GetName(), _one_slice(image_node)
    height, width = pixels.shape[:2]
    sx, sy = image_node.GetSpacing()[:2] if pixel_spacing is None else pixel_spacing
    cx, cy = ((width - 1) / 2, (height - 1) / 2) if principal_point is None else principal_point
    K = np.array([[source_detector_distance / sx, 0, cx], [0, source_detector_distance / sy, cy], [0, 0, 1]])
    return View(K, pose_of(pose_node), (width, height), name, (sx, sy)), pixels


def xray_from(view: View, pixels: np.ndarray, values: Values = "intensity", i0: float | None = None) -> XRay:
    """The X-ray of what `exposure_of` took from the scene; values, i0 as in `xray_of`."""
    from ..xray import XRay, line_integrals
    from ..xray.pixels import Pixels

    image, mask = line_integrals(Pixels.of(pixels, view.id), values, i0, None, view.id)
    return XRay(view, image, mask, values)


def case_of(xrays: Sequence[XRay], region: Grid | None = None, name: str = "") -> Case:
    """The case of some X-rays of the scene, checked as a case on disk is.

    region: what all views see when not given. Warnings on the way are stored in the case.
    Raises FormatError and GeometryError as `load_case` does.
    """
    from ..formats import Case
    from ..formats.assembly import Ledger
    from ..geometry.coverage import check_views, common_region

    views = [xray.view for xray in xrays]
    if not views:
        raise FormatError("no X-rays, expected at least two; choose images and their poses")
    ledger = Ledger(Path())
    with ledger.collecting():
        grid = common_region(views) if region is None else region
        check_views(views, grid)
    return Case(tuple(xrays), grid, name, tuple(ledger.messages))


def grey(xray: XRay) -> np.ndarray:
    """(height, width) uint8: the X-ray in a grey window of its measured pixels, bone bright, masked pixels black."""
    low, high = grey_window([xray])
    level = np.clip((xray.image - low) / max(high - low, 1e-12), 0, 1)
    return np.where(xray.mask, np.rint(255 * level), 0).astype(np.uint8)


def detector_depth(view: View, center: Array) -> float:
    """mm from source to detector along the principal ray; where unknown, ASSUMED_DISTANCE times that to the centre."""
    known = view.source_detector_distance
    return ASSUMED_DISTANCE * float(np.linalg.norm(center - view.source)) if known is None else known


def write_view(node: Any, view: View) -> None:
    """Keep a view in a node's attribute."""
    node.SetAttribute(VIEW, json.dumps(view_values(view)))


def view_values(view: View) -> dict[str, Any]:
    """A view for JSON."""
    return {
        "id": view.id,
        "K": view.K.tolist(),
        "world_from_camera": view.world_from_camera.tolist(),
        "size": list(view.size),
        "pixel_spacing": None if view.pixel_spacing is None else list(view.pixel_spacing),
    }


def view_from(values: dict[str, Any]) -> View:
    """The view of `view_values`."""
    spacing = values["pixel_spacing"]
    return View(**{**values, "pixel_spacing": None if spacing is None else (spacing[0], spacing[1])})


def read_view(node: Any) -> View:
    """The view in a node's attribute; raises FormatError where there is none."""
    text = node.GetAttribute(VIEW)
    if text is None:
        raise FormatError(f"{node.GetName()}: no X-ray of IXGS (no attribute {VIEW}); choose one that IXGS added")
    return view_from(json.loads(text))


def _write(node: Any, xray: XRay, center: Array) -> None:
    view = xray.view
    depth = detector_depth(view, center)
    corner, right, down = view.backproject([(0, 0), (1, 0), (0, 1)], np.full(3, depth))
    matrix = np.eye(4)
    matrix[:3] = np.stack([right - corner, down - corner, view.axis, corner], axis=1)
    node.SetIJKToRASMatrix(vtk_matrix(flipped(matrix)))
    node.SetAndObserveImageData(image_of(xray.image[None]))
    write_view(node, view)
    if not xray.mask.all():
        node.SetAttribute(MASK, _encoded(xray.mask))


def _read(node: Any) -> XRay:
    from ..xray import XRay

    view = view_of_image(node)
    image = values_of(node.GetImageData())[0]
    text = node.GetAttribute(MASK)
    return XRay(view, image, np.ones(image.shape, dtype=bool) if text is None else _decoded(text))


def _encoded(mask: np.ndarray) -> str:
    from PIL import Image  # not IXGSLib.xray, for which Slicer would have to wait

    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _decoded(text: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) > 0


def grey_window(xrays: Sequence[XRay]) -> tuple[float, float]:
    """What is shown black and what white, so that the measured pixels of all X-rays are told apart."""
    images = [xray.image[xray.mask] for xray in xrays]
    windows = [np.percentile(image, WINDOW) if image.size else (0.0, 1.0) for image in images]
    return float(min(low for low, _ in windows)), float(max(high for _, high in windows))


def _one_slice(node: Any) -> np.ndarray:
    """(height, width) or (height, width, channels) of an image node."""
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        raise FormatError(f"{node.GetName()}: an image without pixels; load it again")
    values = seen_in(image)
    if values.shape[0] != 1:
        raise FormatError(
            f"{node.GetName()}: {values.shape[0]} slices, expected one X-ray; load each shot as an image of its own"
        )
    return values[0]
