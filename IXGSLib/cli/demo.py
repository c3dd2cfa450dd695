"""`ixgs demo`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..reconstruction.settings import Preset
from ..resources import resource
from .reconstruct import Reconstruct


@dataclass(frozen=True)
class Demo:
    """Reconstruct the sample case and compare the volume with the truth.

    The case holds simulated X-rays of a lumbar spine. Research use only. Not a medical device.
    """

    out: Path | None = None
    """Folder for the result; by default ixgs-demo or, if that exists, ixgs-demo-2, ixgs-demo-3 and so on."""
    preset: Preset = "standard"
    """How much work is done: preview for a first look, standard for regular use, fine for the highest quality."""

    def run(self) -> None:
        sample = resource("SampleCase")
        Reconstruct(
            case=sample,
            out=free(Path("ixgs-demo")) if self.out is None else self.out,
            preset=self.preset,
            truth=sample / "truth.nrrd",
            test=sample / "test.json",
        ).run()


def free(path: Path) -> Path:
    """The path or, if it exists, the first of path-2, path-3, ... that does not."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate
