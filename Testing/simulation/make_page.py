"""Draws Resources/Screenshots/simulated_xrays.png: one CT as different C-arms show it.

Needs the CT of TCGA-OV beside the checkout: python Testing/simulation/make_page.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.body import body
from IXGSLib.simulation.drawing import spine
from IXGSLib.simulation.realistic import radiograph
from IXGSLib.volume.images import read_image

ROOT = Path(__file__).resolve().parents[2]
CT = ROOT.parent / "shared" / "data" / "ct_tcga_ov_09_2043" / "ct.nii.gz"
ARM = CArm(detector_pixels=(512, 512))
EVERYDAY = ImagingSettings()
PICTURES = {
    "80 kV, flat panel": ((0, 0), EVERYDAY),
    "lateral, 100 kV, more scatter": ((90, 0), ImagingSettings(kvp=100, scatter=1.2, window=(12, 99.5))),
    "pedicle screws, round field": ((25, 8), ImagingSettings(field="round", implants=("screws",), glare=0.15)),
    "fluoroscopy, K-wires and balls": (
        (-15, -10),
        ImagingSettings(
            field="round", inverted=False, implants=("wires", "balls"), metal="steel", quanta=400, gamma=0.8, glare=0.15
        ),
    ),
    "low dose, collimated": (
        (180, 0),
        ImagingSettings(quanta=200, field_size=0.7, field_angle=8, inverted=False, edge_amount=0.2),
    ),
    "linear, 60 kV, edge enhanced": (
        (-40, 12),
        ImagingSettings(kvp=60, logarithmic=False, inverted=False, edge_amount=1.5, window=(0.5, 85)),
    ),
}


def main() -> None:
    patient = body(*read_image(CT), EVERYDAY.bone_threshold, EVERYDAY.bone_softness)
    middle = spine(patient)
    center = middle[len(middle) * 55 // 100]
    figure, axes = plt.subplots(2, len(PICTURES), figsize=(15, 5.4), layout="constrained")
    for column, (title, (angles, settings)) in enumerate(PICTURES.items()):
        taken = radiograph(patient, ARM.view(*angles, center), settings, center)
        axes[0, column].imshow(taken.picture, cmap="gray", vmin=0, vmax=2**settings.bits - 1)
        axes[0, column].set_title(title, fontsize=9)
        axes[1, column].imshow(taken.target, cmap="gray", vmin=0, vmax=np.percentile(taken.target, 99.8))
    for axis in axes.flat:
        axis.set_axis_off()
    caption = "Above: simulated X-rays; below: their clean targets. CT: TCGA-OV, CC BY 3.0, The Cancer Imaging Archive"
    figure.supxlabel(caption, fontsize=8)
    figure.savefig(ROOT / "Resources" / "Screenshots" / "simulated_xrays.png", dpi=100)


if __name__ == "__main__":
    main()
