"""The request for a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..calibration.refinement.settings import RefinementSettings
from ..compute.device import Device
from ..errors import SettingsError
from ..formats.case_source import CaseOptions
from ..prior.method import PriorMethod
from ..reconstruction.resolution import checked_changes
from ..reconstruction.settings import Preset
from ..standardization.settings import Method


@dataclass(frozen=True)
class RunRequest:
    """Everything that determines a run and its folder."""

    case: Path
    """A folder with case.json, a JSON file like it, or, with --calibration, a folder of images."""
    out: Path
    """Folder for the result: new, empty, or an unfinished run with --resume."""
    preset: Preset = "standard"
    """How much work is done: preview for a first look, standard for regular use, fine for the highest quality."""
    device: Device = "auto"
    """Where to compute; auto uses a GPU where one works."""
    views: int | None = None
    """Use only this many views, spread evenly over the case."""
    seed: int | None = None
    """Seed of all random numbers."""
    threads: int | None = None
    """Number of CPU threads; by default all of them."""
    resume: bool = False
    """Continue the unfinished run in OUT."""
    settings: Path | None = None
    """JSON file with settings that override the preset, such as {"cloud": {"gaussians": 20000}}."""
    standardize: Method = "auto"
    """Reconstruct from bone-enhanced radiographs made from the X-rays, which are written to OUT/standardized. auto uses
    pix2pix for intensities and none for line integrals; classical needs no weights; none uses the X-rays as they are.
    """
    weights: Path | None = None
    """With --standardize: weights of pix2pix (.safetensors) in place of those that come with IXGS."""
    prior: PriorMethod = "auto"
    """What the volume starts from and is kept near: learnt, bone that a network expects from all X-rays together, or
    none. auto uses learnt for X-rays that are standardised by the network that comes with IXGS."""
    prior_weights: Path | None = None
    """With --prior: weights of the bone network (.safetensors) in place of those that come with IXGS."""
    truth: Path | None = None
    """True volume (.nrrd) to compare with."""
    test: Path | None = None
    """test.json with X-rays that are only compared with, not used for the reconstruction."""
    confidence: bool = True
    """Estimate how far each voxel can be relied on, as OUT/confidence.nrrd and OUT/expected_error.nrrd."""
    refine_poses: bool = False
    """Refine the poses of the views first, so that the X-rays agree, and optimise them together with the volume."""
    refinement: RefinementSettings = field(default_factory=RefinementSettings)
    """With --refine-poses: the expected errors of the poses, and how much work is done."""
    images: CaseOptions = field(default_factory=CaseOptions)
    """How to read images that are not a case, and which region to reconstruct."""

    def changes(self) -> dict[str, Any]:
        """The settings that replace those of the preset, by dotted name.

        Raises SettingsError for a settings file with unknown names or values of another kind, FormatError for a file
        that is not JSON.
        """
        from ..formats.strict_json import read_json

        changes: dict[str, Any] = {}
        if self.settings is not None:
            values = read_json(self.settings)
            if not isinstance(values, dict):
                raise SettingsError(
                    f'{self.settings.name}: not a JSON object, expected settings such as {{"cloud": {{"gaussians": '
                    "20000}}; correct the file"
                )
            try:
                changes = checked_changes(values)
            except SettingsError as error:
                raise SettingsError(f"{self.settings.name}: {error}") from error
        if self.seed is not None:
            changes["schedule.seed"] = self.seed
        if not self.refine_poses and self.refinement != RefinementSettings():
            raise SettingsError("--refinement options apply only with --refine-poses, which is missing; add it")
        return changes
