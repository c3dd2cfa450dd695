"""Tags of one position of a C-arm, and the directions that follow from them."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.xray.dicom.conventions import Conventions
from IXGSLib.xray.dicom.geometry import (
    approximate_view,
    is_mirrored,
)
from IXGSLib.xray.dicom.tags import CArmTags

TAGS = CArmTags("shot.dcm", 0, (48, 64), (0.5, 0.4), 1000.0, 620.0, 0.0, 0.0)
ARM = CArm(620.0, 1000.0, (48, 64), 25.6)
STATED = {
    "ImagerPixelSpacing": ["0.4", "0.5"],
    "DistanceSourceToDetector": "1000",
    "DistanceSourceToPatient": "620",
    "PositionerPrimaryAngle": "10",
    "PositionerSecondaryAngle": "-5",
}
L, P, H = np.eye(3)


def axes(tags, **conventions):
    """Directions of the stored image's rows and columns and of the beam, in the patient."""
    chosen = Conventions(**conventions)
    R = approximate_view(tags, conventions=chosen).world_from_camera[:3, :3].copy()
    return R * (-1, 1, 1) if is_mirrored(tags, chosen) else R


def group(**sequences):
    """A functional group of sequences with one item each, from dictionaries of their attributes."""
    outer = Dataset()
    for name, tags in sequences.items():
        inner = Dataset()
        for key, value in tags.items():
            setattr(inner, key, value)
        setattr(outer, name, Sequence([inner]))
    return outer
