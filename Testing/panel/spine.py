"""A CT of a spine in the scene, as volume, segmentation, label map and points."""

from __future__ import annotations

import numpy as np

from Testing.registration import phantom


def add_ct(patient=0, offset=0):
    """The CT of a patient as a volume node; offset: added to its values."""
    return _volume("vtkMRMLScalarVolumeNode", "CT", phantom.ct(patient)[0].astype(np.int16) + offset)


def add_label_map(patient=0):
    """Its vertebrae in VerSe's numbers."""
    return _volume("vtkMRMLLabelMapVolumeNode", "labels", phantom.ct(patient)[1].astype(np.int16))


def add_segmentation(patient=0):
    """Its vertebrae as segments, such as "L3 vertebra"."""
    import slicer

    from IXGSLib.scene.arrays import image_of
    from IXGSLib.scene.frames import flipped, vtk_matrix

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "vertebrae")
    for label, name in zip(phantom.LABELS, phantom.NAMES, strict=True):
        image = slicer.vtkOrientedImageData()
        image.ShallowCopy(image_of((phantom.ct(patient)[1] == label).astype(np.uint8)))
        image.SetGeometryFromImageToWorldMatrix(vtk_matrix(flipped(phantom.GRID.world_from_index)))
        segment = slicer.vtkSegment()
        segment.SetName(f"{name} vertebra")
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment)
    return node


def add_points(*names):
    """A point in the body of each vertebra."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "bodies")
    for name, height in zip(names, phantom.HEIGHTS, strict=False):
        node.AddControlPoint(0, 12, height, name)
    return node


def add_screw(height=-18.0, name="screw"):
    """A plan in the CT: a line into the vertebra at a height."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
    for point in ((10, -20, height), (8, 12, height)):
        node.AddControlPoint(*point)
    return node


def _volume(kind, name, values):
    import slicer

    from IXGSLib.scene.arrays import image_of
    from IXGSLib.scene.frames import flipped, vtk_matrix

    node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
    node.SetIJKToRASMatrix(vtk_matrix(flipped(phantom.GRID.world_from_index)))
    node.SetAndObserveImageData(image_of(values))
    return node
