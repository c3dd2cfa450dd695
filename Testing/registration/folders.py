"""Folders of registrations as `ixgs register` writes them, without registering: the vertebrae are moved as stated."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from IXGSLib.registration import read_anatomy, save_registration
from IXGSLib.registration.motion import motion_between
from IXGSLib.registration.result import Registration, VertebraPose
from IXGSLib.registration.settings import RegistrationSettings
from Testing.registration import phantom


def written(folder: Path, doubts: Mapping[str, tuple[str, ...]], views: int = 2) -> Path:
    """A folder with the true poses of the phantom's vertebrae; doubts: by vertebra, why it is not verified."""
    values, labels = phantom.ct()
    anatomy = read_anatomy((values, phantom.GRID), (labels, phantom.GRID))
    bones = [anatomy.spine.bones[n] for n in anatomy.spine.vertebrae]
    true, case = phantom.motions(), phantom.case(views)
    seen = {view.id: 1.0 for view in case.views}
    vertebrae = tuple(
        VertebraPose(
            bone.name, bone.label, true[bone.label], bone.center, 0.08, dict.fromkeys(seen, 0.08), 0.4, 0.1, seen,
            doubts.get(bone.name, ()),
        )
        for bone in bones
    )  # fmt: skip
    motions = tuple(
        motion_between((a.name, b.name), (true[a.label], true[b.label]), (a.center, b.center))
        for a, b in pairwise(bones)
    )
    found = Registration(
        case, anatomy, vertebrae, motions, 0.08, 0.6, "one level lower", RegistrationSettings(), (), {"search": 1.0}
    )
    return save_registration(found, folder, {"case": {"name": case.name}}, "Drawn by hand.")
