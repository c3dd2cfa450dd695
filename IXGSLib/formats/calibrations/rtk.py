"""RTK's ThreeDCircularProjectionGeometry as XML, versions 2 and 3, except for curved detectors.

RTK maps its fixed frame to millimetres on the detector (Rit et al., J. Phys. Conf. Ser. 489, 2014, and RTK's geometry
documentation): with R = Rz(-in-plane) Rx(-out-of-plane) Ry(-gantry) and (x, y, z) = R p,

    u = sdd (x - source_x) / (sid - z) + source_x - projection_x,   and v likewise with y.

Its detector axes u and v and the direction from detector to source are right-handed, so that v increases upwards while
the rows of a View count downwards: images in RTK's order are turned upside down for a View. The fixed frame is the
world: RTK and IXGS reconstruct volumes at the same place in LPS. Collimation jaws are distances in the plane through
the isocentre that faces the source (rtkMaskCollimationImageFilter).
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import FormatError, GeometryError
from ...files import write_atomically
from ...geometry import View
from ...geometry.rigid import Array
from ...messages import warn
from ...sniffing import head, sniff
from ...xray.rasters import lattice
from .calibration import MM_PER_UNIT, CalibratedView, CalibrationOptions
from .content import Content
from .detector import Detector

_ANGLES = ("GantryAngle", "OutOfPlaneAngle", "InPlaneAngle")
_LENGTHS = (
    *("SourceToIsocenterDistance", "SourceToDetectorDistance"),
    *("SourceOffsetX", "SourceOffsetY", "ProjectionOffsetX", "ProjectionOffsetY"),
)
_PARAMETERS = (*_LENGTHS, *_ANGLES)
_COLLIMATION = ("CollimationUInf", "CollimationUSup", "CollimationVInf", "CollimationVSup")
_ROOT = "RTKThreeDCircularGeometry"
MATRIX_TOLERANCE = 1e-3
"""Largest difference between a stored matrix and that of its parameters; the value is RTK's."""
PIXEL_TOLERANCE = 1e-3
"""Largest error in pixels that is accepted when a view is written."""


def matches(content: Content) -> bool:
    return content.kind == "XML" and "<RTKThreeD" in content.text


def read(content: Content, options: CalibrationOptions) -> list[CalibratedView]:
    """The views of an RTK geometry; the options or the header of the first image state the position of the images.

    Raises FormatError for another file and for an image without a position on the detector, GeometryError for parallel
    beams, curved detectors and reflections.
    """
    mm = MM_PER_UNIT[options.unit]
    detector = _detector(options) if options.detector is None else _divided(options.detector, mm)
    A = -detector.stored_from_mm()
    return [
        CalibratedView(
            A @ P,
            pixel_spacing=detector.spacing,
            centred=detector.origin is None,
            upside_down=detector.upside_down,
            field=None if jaws is None else partial(collimated_field, jaws=mm * np.array(jaws)),
        )
        for P, jaws in _projections(content)
    ]


def read_rtk(
    path: str | os.PathLike[str], detector: Detector, size: tuple[int, int], ids: Sequence[str] | None = None
) -> list[View]:
    """The views of an RTK geometry for projection images of (width, height) pixels on `detector`.

    The views belong to images whose rows were reversed if `detector.upside_down` is set; ids default to 000, 001, ...
    Raises FormatError for another file and GeometryError for parallel beams, curved detectors and reflections.
    """
    matrices = read_rtk_matrices(path)
    ids = [f"{n:03d}" for n in range(len(matrices))] if ids is None else ids
    return [view_of(P, detector, size, id) for P, id in zip(matrices, ids, strict=True)]


def view_of(P: Array, detector: Detector, size: tuple[int, int], id: str = "") -> View:
    """The view of one RTK matrix (3, 4), detector mm from world mm."""
    return View.from_projection_matrix(-detector.pixels_from_mm(size) @ P, size, id, detector.spacing)


def read_rtk_matrices(path: str | os.PathLike[str]) -> Array:
    """(n, 3, 4) RTK's matrices, detector mm from world mm; raises like `read_rtk`."""
    return np.array([P for P, _ in _projections(Content(Path(path)))])


def collimated_field(view: View, jaws: Array) -> np.ndarray:
    """bool (height, width): the pixels inside jaws (4,) at -u, u, -v and v mm, in the plane through the isocentre."""
    width, height = view.size
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    source, rays = view.ray(np.stack([columns, rows], axis=-1))
    towards = source / np.linalg.norm(source)
    points = source - rays * (np.linalg.norm(source) / (rays @ towards))[..., None]
    u, v = points @ np.cross((0.0, 1.0, 0.0), towards), points[..., 1]
    u_low, u_high, v_low, v_high = jaws
    return (u > -u_low) & (u < u_high) & (v > -v_low) & (v < v_high)


def write_rtk(path: str | os.PathLike[str], views: Sequence[View], tolerance: float = PIXEL_TOLERANCE) -> Detector:
    """Write views as RTK geometry and return the detector that the headers of the projection images must state.

    The images must be stored with their rows reversed (numpy.flipud) and with this spacing and origin. RTK has a single
    image size and pixel spacing and no skew: raises GeometryError for views that it cannot represent to within
    `tolerance` pixels.
    """
    detector = _common_detector(views)
    root = ElementTree.Element(_ROOT, version="3")
    for view in views:
        parameters = _to_parameters(view, detector)
        P = matrix_of(parameters)
        _check_written(view, view_of(P, detector, view.size, view.id), tolerance)
        element = ElementTree.SubElement(root, "Projection")
        for key in _PARAMETERS:
            ElementTree.SubElement(element, key).text = repr(parameters[key])
        rows = "\n".join(" ".join(map(repr, row)) for row in P.tolist())
        ElementTree.SubElement(element, "Matrix").text = f"\n{rows}\n"
    ElementTree.indent(root)
    text = '<?xml version="1.0"?>\n<!DOCTYPE RTKGEOMETRY>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
    write_atomically(Path(path), text.encode())
    return detector


def matrix_of(parameters: dict[str, float]) -> Array:
    """(3, 4) RTK's matrix, detector mm from world mm, from its nine parameters (mm, degrees); lengths default to 0."""
    sid, sdd, sx, sy, px, py = (parameters.get(key, 0.0) for key in _LENGTHS)
    R = _rotation(*(-np.deg2rad(parameters.get(key, 0.0)) for key in _ANGLES))
    onto_detector = np.array([[-sdd, 0, sx - px], [0, -sdd, sy - py], [0, 0, 1]])
    return onto_detector @ np.column_stack([R, [-sx, -sy, -sid]])


def _rotation(y: float, x: float, z: float) -> Array:
    """Rz Rx Ry of angles in radians."""
    cy, sy, cx, sx, cz, sz = np.cos(y), np.sin(y), np.cos(x), np.sin(x), np.cos(z), np.sin(z)
    Ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    Rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    Rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return Rz @ Rx @ Ry


def _angles(R: Array) -> tuple[float, float, float]:
    """The angles (y, x, z) of `_rotation` in radians; z is 0 where y and z rotate about the same axis."""
    x = np.arctan2(R[2, 1], np.hypot(R[0, 1], R[1, 1]))
    if np.hypot(R[0, 1], R[1, 1]) < 1e-12:
        return float(np.arctan2(R[0, 2], R[0, 0])), float(x), 0.0
    return float(np.arctan2(-R[2, 0], R[2, 2])), float(x), float(np.arctan2(-R[0, 1], R[1, 1]))


def _to_parameters(view: View, detector: Detector) -> dict[str, float]:
    R = (view.world_from_camera[:3, :3] * (1, -1, -1)).T
    sx, sy, sid = R @ view.source
    mm_from_pixels = np.linalg.inv(detector.pixels_from_mm(view.size))
    u, v, _ = mm_from_pixels @ view.K[:, 2]
    values = (sid, view.K[0, 0] * detector.spacing[0], sx, sy, sx - u, sy - v)
    angles = (float(np.rad2deg(-angle)) for angle in _angles(R))
    return dict(zip(_PARAMETERS, (*map(float, values), *angles), strict=True))


def _common_detector(views: Sequence[View]) -> Detector:
    if not views:
        raise GeometryError("no views to write as RTK geometry, expected at least one")
    for view in views:
        if view.pixel_spacing is None:
            raise GeometryError(f"view '{view.id}': no pixel spacing, RTK needs it in mm on the detector; state it")
        if view.size != views[0].size or not np.allclose(view.pixel_spacing, views[0].pixel_spacing or 0, rtol=1e-9):
            raise GeometryError(
                f"view '{view.id}': {view.size} pixels of {view.pixel_spacing} mm, view '{views[0].id}': "
                f"{views[0].size} of {views[0].pixel_spacing}; RTK holds one detector: write one file for each"
            )
    (w, h), (sx, sy) = views[0].size, views[0].pixel_spacing or (1.0, 1.0)
    return Detector((sx, sy), (-(w - 1) / 2 * sx, -(h - 1) / 2 * sy))


def _check_written(view: View, written: View, tolerance: float) -> None:
    """Raises GeometryError if RTK's parameters, which have no skew and one scale, move the corners of the image."""
    width, height = view.size
    corners = np.array([(x, y) for x in (0, width - 1) for y in (0, height - 1)], dtype=float)
    moved, _ = written.project(view.backproject(corners, np.full(4, 1000.0)))
    error = np.abs(moved - corners).max()
    if error > tolerance:
        raise GeometryError(
            f"view '{view.id}': RTK cannot represent its skew or pixel aspect, the corners would be off by {error:.2g} "
            f"pixels (at most {tolerance:g}); correct pixel_spacing or write projection matrices"
        )


def _detector(options: CalibrationOptions) -> Detector:
    """The detector according to the header of the first projection image."""
    image = None if options.first_image is None else options.first_image()
    if image is None or sniff(head(image)) not in ("NRRD", "MetaImage"):
        raise FormatError(
            f"{'the images' if image is None else image.name}: no header states the position on RTK's detector; state "
            "the pixel size in mm with --pixel-spacing X Y (CalibrationOptions(detector=Detector((x, y))) in Python)"
        )
    found = lattice(image)
    return Detector(found.spacing, found.origin, found.direction)


def _divided(detector: Detector, unit: float) -> Detector:
    """A detector in mm, converted to a unit of length of `unit` mm."""
    x, y = detector.spacing
    origin = None if detector.origin is None else (detector.origin[0] / unit, detector.origin[1] / unit)
    return Detector((x / unit, y / unit), origin, detector.direction)


def _projections(content: Content) -> Iterator[tuple[Array, tuple[float, float, float, float] | None]]:
    """The matrix of every projection, and its jaws if it has any."""
    root, name, state, count = _root(content), content.name, dict[str, float](), 0
    gantry = []
    for element in root:
        if element.tag == "Projection":
            count += 1
            stored = _parameters(element, state, name)
            gantry.append(state.get("GantryAngle", 0.0))
            yield _matrix(state, stored, f"{name}: projection {count}"), _jaws(state)
        else:
            _take(element, state, name)
    if not count:
        raise FormatError(f"{name}: no projections, expected at least one; export the geometry again")
    if len(gantry) > 2 and 1 < max(gantry) - min(gantry) <= 2 * np.pi and np.abs(gantry).max() <= 2 * np.pi:
        warn(
            f"{name}: gantry angles of {min(gantry):.3g} to {max(gantry):.3g}, which as "
            "radians would be a turn at most; RTK states degrees: if they are radians, multiply them by 57.2958"
        )


def _jaws(state: dict[str, float]) -> tuple[float, float, float, float] | None:
    """The four jaws; RTK writes the largest number where there is none."""
    jaws = [state.get(key, np.inf) for key in _COLLIMATION]
    return (jaws[0], jaws[1], jaws[2], jaws[3]) if min(jaws) < 1e300 else None


def _root(content: Content) -> ElementTree.Element:
    root, version = content.xml, content.xml.get("version")
    if root.tag != _ROOT or version not in ("2", "3"):
        raise FormatError(
            f"{content.name}: <{root.tag}> version {version}, expected <{_ROOT}> version 2 or 3; export it with RTK"
        )
    return root


def _parameters(projection: ElementTree.Element, state: dict[str, float], name: str) -> Array | None:
    """Updates the parameters, which hold for all later projections too; returns the projection's matrix, if any."""
    stored = None
    for element in projection:
        if element.tag == "Matrix":
            stored = _numbers(element, 12, name).reshape(3, 4)
        else:
            _take(element, state, name)
    return stored


def _take(element: ElementTree.Element, state: dict[str, float], name: str) -> None:
    key = "GantryAngle" if element.tag == "Angle" else element.tag
    state[key] = float(_numbers(element, 1, name)[0])
    if key == "RadiusCylindricalDetector" and state[key] != 0:
        raise GeometryError(f"{name}: a curved detector, expected a flat one; resample the projections onto a plane")
    if key not in (*_PARAMETERS, *_COLLIMATION, "RadiusCylindricalDetector"):
        raise FormatError(f"{name}: unknown element <{element.tag}>; export the geometry with RTK, version 3")


def _numbers(element: ElementTree.Element, count: int, name: str) -> Array:
    try:
        values = np.array([float(word) for word in (element.text or "").split()])
    except ValueError as error:
        raise FormatError(f"{name}: <{element.tag}> holds something other than numbers; export it again") from error
    if len(values) != count or not np.isfinite(values).all():
        raise FormatError(f"{name}: <{element.tag}> holds {len(values)} numbers, expected {count} finite ones")
    return values


def _matrix(parameters: dict[str, float], stored: Array | None, what: str) -> Array:
    """The matrix of the parameters, checked against the stored one, or the stored one if there are no parameters."""
    if "SourceToDetectorDistance" not in parameters and stored is not None:
        if np.linalg.det(stored[:, :3]) < 0:
            raise GeometryError(f"{what}: a reflection (determinant < 0 in RTK's sense); undo the flip of an axis")
        return stored
    if parameters.get("SourceToDetectorDistance", 0.0) <= 0:
        raise GeometryError(f"{what}: source-detector distance is not positive (parallel beam); IXGS needs a source")
    P = matrix_of(parameters)
    if stored is not None and np.abs(stored - P).max() > MATRIX_TOLERANCE:
        raise GeometryError(
            f"{what}: its matrix differs from its parameters by {np.abs(stored - P).max():.3g}; one of them was edited "
            "or mirrored: export the geometry again"
        )
    return P
