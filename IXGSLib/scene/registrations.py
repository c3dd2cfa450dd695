"""A registration of a CT in a scene: a transform and a model of each vertebra, and plans that move with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FormatError, GeometryError
from ..geometry.rigid import inverse
from ..steps import Steps, result_of
from .bone import COLOUR
from .frames import FLIP, vtk_matrix
from .hierarchy import place_in_folder
from .runs import RUN_FOLDER

if TYPE_CHECKING:
    from ..registration.record import RegistrationRecord, VertebraRecord

REGISTRATION = "IXGS.Registration"
"""Attribute of the text node that holds the record of a registration."""
VERTEBRA = "IXGS.Vertebra"
"""Attribute of transforms and models: the name of the vertebra."""
TRANSFORMS, MODELS = "IXGS.Transforms", "IXGS.Models"
"""References from the text node to the transforms and models."""
UNVERIFIED_COLOUR, UNVERIFIED_OPACITY = (0.80, 0.25, 0.20), 0.5
HIGHLIGHT_COLOUR = (0.34, 0.71, 0.91)
NOT_VERIFIED = "{name} (not verified)"
TRANSFORM_NAME = "{name} CT to X-rays"


@dataclass(frozen=True)
class RegistrationContent:
    """What `place_registration` needs.

    text: of registration.json. surfaces: a vtkPolyData in RAS mm of the CT of each vertebra, by name.
    """

    folder: Path
    text: str
    record: RegistrationRecord
    surfaces: Mapping[str, Any]


@dataclass(frozen=True)
class VertebraNodes:
    """The vtkMRMLLinearTransformNode that moves a vertebra of the CT into the X-rays, and its vtkMRMLModelNode below.

    Either is None once it was removed.
    """

    transform: Any
    model: Any


def load_registration(scene: Any, folder: str | os.PathLike[str]) -> Any:
    """The registration in a folder of `ixgs register`: a vtkMRMLTextNode with its record, which refers to all others.

    Each vertebra gets a linear transform node, RAS mm from the CT to the X-rays, and a model in the CT below it, solid
    where the vertebra is verified. Raises FormatError for a folder that holds no registration or was changed.
    """
    return place_registration(scene, result_of(registration_steps(folder)))


def registration_steps(folder: str | os.PathLike[str]) -> Steps[RegistrationContent]:
    """Read what `place_registration` needs step by step; raises what `load_registration` raises."""
    from ..registration.record import MODELS as FOLDER
    from ..registration.record import RECORD, checked_file, parse_record, read_record

    folder = Path(folder).absolute()
    read_record(folder)  # refuses another folder by its name
    text = (folder / RECORD).read_text(encoding="utf-8")
    record, surfaces = parse_record(text.encode(), RECORD), {}
    for vertebra in record.vertebrae:
        yield
        path = checked_file(folder, record, f"{FOLDER}/{vertebra.name}.stl")
        surfaces[vertebra.name] = _surface_in_ct(path, vertebra)
    return RegistrationContent(folder, text, record, surfaces)


def place_registration(scene: Any, content: RegistrationContent) -> Any:
    """As `load_registration`, with the content that `registration_steps` returned."""
    name = content.folder.name
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", name)
    node.SetText(content.text)
    node.SetAttribute(REGISTRATION, "1")
    node.SetAttribute(RUN_FOLDER, str(content.folder))
    placed = [node]
    for vertebra in content.record.vertebrae:
        transform = _transform(scene, vertebra)
        model = _model(scene, vertebra, content.surfaces[vertebra.name])
        model.SetAndObserveTransformNodeID(transform.GetID())
        node.AddNodeReferenceID(TRANSFORMS, transform.GetID())
        node.AddNodeReferenceID(MODELS, model.GetID())
        placed += [transform, model]
    place_in_folder(scene, content.record.case or name, name, *placed)
    return node


def record_of(node: Any) -> RegistrationRecord:
    """The record in a text node of `load_registration`; raises FormatError for another node."""
    from ..registration.record import parse_record

    if node.GetAttribute(REGISTRATION) is None:
        raise FormatError(f"{node.GetName()}: no registration of IXGS; load one")
    return parse_record((node.GetText() or "").encode(), node.GetName())


def vertebrae_of(node: Any) -> dict[str, VertebraNodes]:
    """The nodes of each vertebra of a registration, by name, as far as they are still in the scene."""
    transforms, models = _referenced(node, TRANSFORMS), _referenced(node, MODELS)
    return {name: VertebraNodes(transforms.get(name), models.get(name)) for name in {**transforms, **models}}


def highlight(node: Any, name: str | None) -> None:
    """Show the model of one vertebra of a registration in another colour; None shows none so."""
    verified = {vertebra.name: vertebra.verified for vertebra in record_of(node).vertebrae}
    for each, nodes in vertebrae_of(node).items():
        display = None if nodes.model is None else nodes.model.GetDisplayNode()
        if display is None:
            continue
        if each == name:
            display.SetColor(*HIGHLIGHT_COLOUR)
        elif _alike(display.GetColor(), HIGHLIGHT_COLOUR):  # a colour that the user has chosen stays
            display.SetColor(*_colour(verified[each]))


def _alike(colour: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) < 1e-6 for a, b in zip(colour, other, strict=True))


def move_with(plan: Any, transform: Any) -> None:
    """Let a plan that was made on the CT, such as markups or a model, move with a vertebra into the X-rays.

    Raises GeometryError for a plan with a parent transform of another origin, and for a vertebra itself.
    """
    parent = plan.GetParentTransformNode()
    if plan.GetAttribute(VERTEBRA) is not None:
        raise GeometryError(
            f"{plan.GetName()}: a vertebra of a registration, expected a plan; choose markups or a model of your own"
        )
    if parent is not None and parent.GetAttribute(VERTEBRA) is None:
        raise GeometryError(
            f"{plan.GetName()}: is already under the transform {parent.GetName()}, expected a plan in the place of the "
            "CT; harden or remove that transform in the module Data first"
        )
    plan.SetAndObserveTransformNodeID(transform.GetID())


def moves_with(plan: Any) -> str | None:
    """The vertebra that a plan moves with, None if it is where it was made."""
    parent = None if plan is None or plan.GetAttribute(VERTEBRA) is not None else plan.GetParentTransformNode()
    return None if parent is None else parent.GetAttribute(VERTEBRA)


def put_back(plan: Any) -> None:
    """Take a plan back to where it was made on the CT."""
    if moves_with(plan) is not None:
        plan.SetAndObserveTransformNodeID(None)


def _referenced(node: Any, role: str) -> dict[str, Any]:
    nodes = (node.GetNthNodeReference(role, n) for n in range(node.GetNumberOfNodeReferences(role)))
    return {each.GetAttribute(VERTEBRA): each for each in nodes if each is not None}


def _transform(scene: Any, vertebra: VertebraRecord) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", _name(TRANSFORM_NAME, vertebra))
    node.SetMatrixTransformToParent(vtk_matrix(FLIP @ vertebra.world_from_ct @ FLIP))
    node.SetAttribute(VERTEBRA, vertebra.name)
    return node


def _model(scene: Any, vertebra: VertebraRecord, surface: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", _name("{name}", vertebra))
    node.SetAndObservePolyData(surface)
    node.SetAttribute(VERTEBRA, vertebra.name)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(*_colour(vertebra.verified))
    display.SetOpacity(1.0 if vertebra.verified else UNVERIFIED_OPACITY)
    display.SetVisibility2D(True)
    display.SetSliceIntersectionThickness(2)
    return node


def _name(form: str, vertebra: VertebraRecord) -> str:
    name = form.format(name=vertebra.name)
    return name if vertebra.verified else NOT_VERIFIED.format(name=name)


def _colour(verified: bool) -> tuple[float, float, float]:
    return COLOUR if verified else UNVERIFIED_COLOUR


def _surface_in_ct(path: Path, vertebra: VertebraRecord) -> Any:
    """The surface of an STL file, LPS mm in the world, as a vtkPolyData with normals, RAS mm in the CT."""
    from vtkmodules.vtkCommonTransforms import vtkTransform
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
    from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter
    from vtkmodules.vtkIOGeometry import vtkSTLReader

    reader, transform, moved, normals = (
        vtkSTLReader(),
        vtkTransform(),
        vtkTransformPolyDataFilter(),
        vtkPolyDataNormals(),
    )
    reader.SetFileName(str(path))
    transform.SetMatrix(vtk_matrix(FLIP @ inverse(vertebra.world_from_ct)))
    moved.SetTransform(transform)
    moved.SetInputConnection(reader.GetOutputPort())
    normals.SetInputConnection(moved.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    if not normals.GetOutput().GetNumberOfPolys():
        raise FormatError(f"{path.name}: no surface, expected that of {vertebra.name}; register again")
    return normals.GetOutput()
