"""The X-rays of a run: simulated from a CT or chosen from a case, with errors in their poses."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SettingsError
from ..files import sha256, write_atomically, write_folder
from ..geometry import View
from ..geometry.rigid import Array
from ..geometry.trajectory import angles
from ..geometry.twists import changed, poses, with_poses
from .claim import claimed
from .condition import DEGREES_PER_MM, Condition
from .folder import CASES
from .plan import Subject

if TYPE_CHECKING:
    from ..formats import Case
    from .c_arms import CArmModel

VIEWS, SPAN, TEST_VIEWS = 25, 200.0, 5
"""What simulated X-rays have where a plan does not say it; the test views are noise-free."""
PHOTONS = 50_000.0
"""Photons per pixel in the open field of ideal X-rays at a dose of one."""
BEAM_FACTOR = 1.5
"""Errors along the beam are so many times as large as those across it."""
INSERTS = "inserts.json"


@dataclass(frozen=True)
class MadeCase:
    """The files that a run reads: its case, the true volume, the test views, and what was put into the patient."""

    case: Path
    truth: Path | None = None
    test: Path | None = None
    inserts: Path | None = None


def make_case(subject: Subject, condition: Condition, c_arm: CArmModel, study: Path) -> MadeCase:
    """The case of a condition, which runs with the same X-rays share; made in the folder of the study unless it exists.

    Raises what the simulation and the readers raise.
    """
    made = _of_ct(subject, condition, c_arm, study) if subject.ct is not None else _of_case(subject, condition, study)
    return _with_pose_errors(made, condition, study) if condition.pose_error else made


def _of_ct(subject: Subject, condition: Condition, c_arm: CArmModel, study: Path) -> MadeCase:
    from .simulating import write_case

    exact = replace(
        condition,
        pose_error=0.0,
        refine_poses=False,
        preset="standard",
        initialization="algebraic",
        standardization="raw" if condition.is_realistic else "ideal",
        reconstruction=(),
    )
    folder = study / CASES / _name(subject, {"condition": exact.as_dict(), "c_arm": c_arm.as_dict()})
    with claimed(study, folder.name):
        if not folder.exists():
            write_folder(folder, lambda whole: write_case(subject, exact, c_arm, whole))
    inserts = folder / INSERTS
    return MadeCase(folder, folder / "truth.nrrd", folder / "test.json", inserts if inserts.is_file() else None)


def _of_case(subject: Subject, condition: Condition, study: Path) -> MadeCase:
    assert subject.case is not None
    beside = subject.case if subject.case.is_dir() else subject.case.parent
    truth, test = (
        given or (beside / name if (beside / name).is_file() else None)
        for given, name in ((subject.truth, "truth.nrrd"), (subject.test, "test.json"))
    )
    folder = study / CASES / _name(subject, {"views": condition.views, "span": condition.span})
    with claimed(study, folder.name):
        if not folder.exists():
            write_folder(folder, lambda whole: _write_chosen(subject.case, condition, whole))  # type: ignore[arg-type]
    _check_values(folder, subject, condition)
    return MadeCase(folder, truth, test)


def _write_chosen(path: Path, condition: Condition, folder: Path) -> None:
    """Write the views of a case within a span, spread evenly."""
    from ..formats import load_case, save_case
    from ..formats.case_source import evenly

    case = evenly(within_span(load_case(path), condition.span), condition.views)
    save_case(case, folder, values=case.xrays[0].values)


def within_span(case: Case, span: float | None) -> Case:
    """The case with the views whose orbital angles lie within `span` degrees around the middle of them all.

    Raises SettingsError where fewer than two do.
    """
    if span is None:
        return case
    orbital = np.unwrap([angles(view)[0] for view in case.views], period=360)
    middle = (orbital.min() + orbital.max()) / 2
    kept = tuple(x for x, angle in zip(case.xrays, orbital, strict=True) if abs(angle - middle) <= span / 2 + 1e-6)
    if len(kept) < 2:
        raise SettingsError(f"{len(kept)} views lie within a span of {span:g} degrees, expected at least two; widen it")
    return replace(case, xrays=kept)


def _check_values(folder: Path, subject: Subject, condition: Condition) -> None:
    values = json.loads((folder / "case.json").read_text(encoding="utf-8"))["values"]
    if (values == "intensity") != condition.is_realistic:
        cure = "raw, classical or network" if values == "intensity" else "ideal, which leaves them as they are"
        raise SettingsError(
            f"subject '{subject.name}': its X-rays are {values.replace('_', ' ')}s, standardization is "
            f"'{condition.standardization}'; expected {cure}"
        )


def _with_pose_errors(made: MadeCase, condition: Condition, study: Path) -> MadeCase:
    """The case with errors in all poses; its images are those of the exact one."""
    errors = {"case": made.case.name, "error": condition.pose_error, "seed": condition.seed}
    folder = study / CASES / sha256(json.dumps(errors, sort_keys=True).encode())[:16]
    with claimed(study, folder.name):
        if not folder.exists():
            write_folder(folder, lambda whole: _write_moved(made.case, condition, whole))
    return replace(made, case=folder)


def _write_moved(source: Path, condition: Condition, folder: Path) -> None:
    from ..formats import load_case
    from ..formats.geometry_json import view_as_json

    case = load_case(source, check=False)
    data = json.loads((source / "case.json").read_text(encoding="utf-8"))
    moved = perturbed(case.views, case.grid.center, condition.pose_error, condition.seed)
    for entry, view in zip(data["views"], moved, strict=True):
        entry["world_from_camera"] = view_as_json(view)["world_from_camera"]
        for name in ("image", "mask"):
            if name in entry:
                _linked(source / entry[name], folder / entry[name])
    write_atomically(folder / "case.json", json.dumps(data, indent=1, ensure_ascii=False).encode())


def perturbed(views: tuple[View, ...], center: Array, error: float, seed: int) -> list[View]:
    """The views with errors of up to `error` mm along each axis parallel to the detector, BEAM_FACTOR times as much
    along the beam, and DEGREES_PER_MM about a random axis through `center` (3,) LPS mm."""
    generator = np.random.default_rng([seed, 2])
    axes = generator.normal(size=(len(views), 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turns = np.deg2rad(generator.uniform(0, error * DEGREES_PER_MM, (len(views), 1))) * axes
    shifts = generator.uniform(-error, error, (len(views), 3)) * (1, 1, BEAM_FACTOR)
    return with_poses(views, changed(poses(views), np.concatenate([turns, shifts], axis=1), center))


def _linked(source: Path, target: Path) -> None:
    """The file under another name, as a hard link where the file system has them."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _name(subject: Subject, definition: dict[str, Any]) -> str:
    """The name of a case's folder: a hash of all that it is made of."""
    from .identity import subject_sha256

    content = {"subject": subject_sha256(subject), **definition}
    return sha256(json.dumps(content, sort_keys=True).encode())[:16]
