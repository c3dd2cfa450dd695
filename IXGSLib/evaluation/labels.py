"""The names, units and meanings of the metrics in a report, a record and on the command line."""

from __future__ import annotations

from typing import NamedTuple


class Label(NamedTuple):
    """How a metric is presented to a reader."""

    name: str
    unit: str = ""
    meaning: str = ""


LABELS = {
    "volume_psnr": Label("Volume PSNR", "dB", "Agreement of all voxels with the true volume; higher is closer."),
    "volume_ssim": Label("Volume SSIM", "", "Structural similarity to the true volume; 1 is identical."),
    "bone_dice": Label("Bone overlap (Dice)", "", "Overlap of the bone with that of the true volume; 1 is complete."),
    "bone_surface_distance": Label(
        "Bone surface distance", "mm", "Mean distance between the bone surfaces of the two volumes."
    ),
    "fit_psnr": Label("Fit PSNR", "dB", "Agreement of renders with the X-rays of the reconstruction."),
    "held_out_psnr": Label(
        "Held-out PSNR", "dB", "Agreement with the held-out X-rays, before the final steps also used them."
    ),
    "view_psnr": Label(
        "Unseen views PSNR", "dB", "Agreement of renders with X-rays that were never used; higher is closer."
    ),
    "view_ssim": Label(
        "Unseen views SSIM", "", "Structural similarity to X-rays that were never used; 1 is identical."
    ),
}
"""Labels by the names in `VolumeMetrics.as_dict`, `ViewMetrics.as_dict` and `Reconstruction.metrics`."""


def label(metric: str) -> Label:
    """The label of a metric, or its name where it has none."""
    return LABELS.get(metric, Label(metric.replace("_", " ")))
