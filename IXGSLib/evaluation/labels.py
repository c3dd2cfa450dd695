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
    "pedicle_width_error": Label("Pedicle width error", "mm", "Mean absolute error of the width at the isthmus."),
    "canal_width_error": Label("Canal width error", "mm", "Mean absolute error of the distance between the pedicles."),
    "medial_wall_detected": Label(
        "Medial walls detected", "", "Share of the medial pedicle walls that the volume shows in their place."
    ),
    "medial_wall_error": Label("Medial wall error", "mm", "Median error of the medial walls that the volume shows."),
    "endplate_tilt": Label("Endplate tilt", "degrees", "Mean angle between the endplates of the two volumes."),
    "wedge_angle_error": Label("Wedge angle error", "degrees", "Error of the angle between the endplates of a body."),
    "lordosis_error": Label("Lordosis error", "degrees", "Error of the angle from the first to the last endplate."),
    "screw_entry_error": Label("Screw entry error", "mm", "Distance to the entry of the screw planned in the truth."),
    "screw_axis_error": Label("Screw axis error", "degrees", "Angle to the screw planned in the truth."),
    "screw_breach": Label("Screw breach", "mm", "How far planned screws leave the true pedicle."),
    "screws_acceptable": Label("Screws of grade A or B", "", "Share of planned screws that breach by less than 2 mm."),
    "screw_grade_kappa": Label(
        "Kappa of screw grades", "", "Agreement of grades in the volume with the true ones; 1 is complete, 0 chance."
    ),
    "haarpsi": Label("HaarPSI", "", "Perceptual similarity in a bone window; 1 is identical."),
    "vif": Label("VIF", "", "Visual information fidelity in a bone window; 1 is identical."),
    "gmsd": Label("GMSD", "", "Deviation of gradients in a bone window; 0 is identical."),
    "tasks_measured": Label("Tasks measured", "", "Share of the task measurements that were possible."),
}
"""Labels by the names in `VolumeMetrics.as_dict`, `ViewMetrics.as_dict` and `Reconstruction.metrics`."""

LOWER = ("distance", "error", "bias", "tilt", "breach", "gmsd", "lpips")
"""Parts of the names of metrics that are better when they are lower."""


def label(metric: str) -> Label:
    """The label of a metric, or its name where it has none."""
    return LABELS.get(metric, Label(metric.replace("_", " ")))


def lower_is_better(metric: str) -> bool:
    """Whether smaller values of a metric are better, by its name."""
    return any(part in metric for part in LOWER)
