"""X-rays in a scene: as a sequence of images on their detectors, and from image nodes with poses."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FormatError
from ..formats.geometry_json import view_as_json, view_from_json
from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.rigid import Array
from .arrays import array_view, image_of, values_of
from .frames import FLIP, flipped, pose_of, vtk_matrix, world_from_node

if TYPE_CHECKING:
    from ..formats import Case
    from ..xray import XRay
    from ..xray.radiograph import Values

VIEW, MASK = "IXGS.View", "IXGS.Mask"
"""Attributes of the image nodes: the view as JSON, and the mask of measured pixels as PNG in base64."""
ASSUMED_DETECTOR_DISTANCE = 1.6
"""Distance at which a detector is drawn if it is unknown, as a multiple of the distance from source to region."""


def add_xrays(
    scene: Any, xrays: Sequence[XRay], name: str = "X-rays", grid: Grid | None = None, node: Any = None
) -> Any:
    """A vtkMRMLSequenceNode of line-integral images, indexed by view id, each positioned on its detector.

    grid: the region, as in `show_c_arm`. node: a sequence to which the X-rays are added instead of to a new one.
    Views and masks are stored too: `xrays_of` returns the same X-rays, also from a saved scene.
    Raises FormatError if there are no X-rays.
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
    """A vtkMRMLSequenceBrowserNode that shows one X-ray of a sequence at a time, all in the same grey window.

    window: the values shown black and white, by default the range of the grey windows of all X-rays.
    Its proxy node is a volume node in the scene; Slicer updates it when another X-ray is selected.
    """
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequence.GetName()} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetPlaybackActive(False)
    proxy = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", sequence.GetName())
    proxy.CopyContent(sequence.GetNthDataNode(0))
    proxy.CreateDefaultDisplayNodes()
    browser.AddProxyNode(proxy, sequence, False)
    low, high = window or common_grey_window(xrays_of(sequence))
    display = proxy.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(low, high)
    return browser


def xrays_of(sequence: Any) -> tuple[XRay, ...]:
    """The X-rays of a sequence that `add_xrays` has made; raises FormatError for another one."""
    return tuple(_read(sequence.GetNthDataNode(n)) for n in range(sequence.GetNumberOfDataNodes()))


def view_of_image(node: Any) -> View:
    """The view of an image node of `add_xrays`, with its parent transforms; raises FormatError for another node."""
    return read_view(node).moved(FLIP @ world_from_node(node) @ FLIP)


@dataclass(frozen=True)
class Detector:
    """Where the detector of an image node is, relative to the X-ray source.

    source_detector_distance: mm. pixel_spacing: (x, y) mm, by default that of the image node. principal_point: (x, y)
    pixels where the principal ray meets the detector, by default the centre of the image.
    """

    source_detector_distance: float
    pixel_spacing: tuple[float, float] | None = None
    principal_point: tuple[float, float] | None = None


def xray_of(
    image_node: Any, pose_node: Any, detector: Detector, values: Values = "intensity", i0: float | None = None
) -> XRay:
    """The X-ray in an image that the user has loaded, with the pose of the C-arm from a linear transform node.

    image_node: a volume node with one slice, whose first row is the top of the image; its position is not used.
    pose_node: RAS from camera: x to the right of the image, y down, z from the source to the detector.
    values, i0: what the pixels hold and the open-field intensity, as in case.json.
    Raises FormatError and GeometryError that name the node.
    """
    view, pixels = view_and_pixels(image_node, pose_node, detector)
    return xray_from_pixels(view, np.array(pixels), values, i0)


def view_and_pixels(image_node: Any, pose_node: Any, detector: Detector) -> tuple[View, np.ndarray]:
    """The input of `xray_from_pixels` from the scene: the view, and the pixels (rows, columns) or with channels.

    The pixels are not copied; they are valid as long as the node keeps its image. Parameters as in `xray_of`.
    """
    name, pixels = image_node.GetName(), _one_slice(image_node)
    height, width = pixels.shape[:2]
    sx, sy = detector.pixel_spacing or image_node.GetSpacing()[:2]
    cx, cy = detector.principal_point or ((width - 1) / 2, (height - 1) / 2)
    distance = detector.source_detector_distance
    K = np.array([[distance / sx, 0, cx], [0, distance / sy, cy], [0, 0, 1]])
    return View(K, pose_of(pose_node), (width, height), name, (sx, sy)), pixels


def stored_view_and_pixels(image_node: Any) -> tuple[View, np.ndarray]:
    """As `view_and_pixels` for an image node of `add_xrays`, whose pixels are line integrals; masked pixels are NaN."""
    view, pixels = view_of_image(image_node), _one_slice(image_node)
    text = image_node.GetAttribute(MASK)
    return view, pixels if text is None else np.where(_decoded(text), pixels, np.nan)


def xray_from_pixels(view: View, pixels: np.ndarray, values: Values = "intensity", i0: float | None = None) -> XRay:
    """The X-ray of a view and its pixels; values and i0 as in `xray_of`."""
    from ..xray import XRay, line_integrals
    from ..xray.pixels import Pixels

    image, mask = line_integrals(Pixels.of(pixels, view.id), values, i0, None, view.id)
    return XRay(view, image, mask, values)


def case_of(xrays: Sequence[XRay], region: Grid | None = None, name: str = "") -> Case:
    """A case of X-rays in the scene, checked in the same way as a case on disk; warnings are stored in the case.

    region: by default the region that all views see.
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


def detector_depth(view: View, center: Array) -> float:
    """mm from source to detector along the principal ray, assumed from the distance of `center` if it is unknown."""
    known = view.source_detector_distance
    return ASSUMED_DETECTOR_DISTANCE * float(np.linalg.norm(center - view.source)) if known is None else known


def write_view(node: Any, view: View) -> None:
    """Store a view in an attribute of a node."""
    node.SetAttribute(VIEW, json.dumps(view_as_json(view)))


def read_view(node: Any) -> View:
    """The view in the attribute of a node; raises FormatError if there is none."""
    text = node.GetAttribute(VIEW)
    if text is None:
        raise FormatError(
            f"{node.GetName()}: not an X-ray of IXGS (no attribute {VIEW}); choose one that IXGS has added"
        )
    return view_from_json(json.loads(text))


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
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _decoded(text: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) > 0


def common_grey_window(xrays: Sequence[XRay]) -> tuple[float, float]:
    """The smallest window that contains the grey windows of all X-rays."""
    from ..xray.windowing import grey_window

    lows, highs = zip(*(grey_window(xray.image, xray.mask) for xray in xrays), strict=True)
    return min(lows), max(highs)


def _one_slice(node: Any) -> np.ndarray:
    """(rows, columns) or (rows, columns, channels) of an image node, not copied."""
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        raise FormatError(f"{node.GetName()}: an image without pixels, expected an X-ray; load it again")
    values = array_view(image)
    if values.shape[0] != 1:
        raise FormatError(
            f"{node.GetName()}: {values.shape[0]} slices, expected one X-ray; load each X-ray as an image of its own"
        )
    return values[0]
