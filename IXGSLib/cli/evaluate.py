"""`ixgs evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ..errors import FormatError, IXGSError, SettingsError
from ..evaluation.reference import Reference, print_metrics
from ..files import sha256
from ..messages import RESEARCH_ONLY, noticed, tell
from ..runs.record import DONE, read_record


@dataclass(frozen=True)
class Evaluate:
    """Compare a finished run with the truth; nothing is written but the metrics on standard output."""

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The folder of a finished run."""
    truth: Path | None = None
    """True volume (.nrrd)."""
    test: Path | None = None
    """test.json with X-rays that were not used."""
    json: bool = False
    """The metrics as JSON."""

    def run(self) -> None:
        if self.truth is None and self.test is None:
            raise SettingsError("nothing to compare with, expected --truth volume.nrrd, --test test.json or both")
        with noticed() as messages:
            done = finished(self.run_folder)
            reference = Reference.load(self.truth, self.test)
            metrics, notes = self._metrics(done, reference)
        for message in (*messages, *notes):
            tell(f"warning: {message}")
        if self.json:
            from json import dumps

            print(dumps(metrics))
        else:
            print_metrics(metrics)
            print(RESEARCH_ONLY)

    def _metrics(self, done: dict[str, Any], reference: Reference) -> tuple[dict[str, float | None], tuple[str, ...]]:
        from ..gaussians.ply import load_ply
        from ..volume import Volume

        volume = Volume.load(unchanged(self.run_folder / "volume.nrrd", done))
        cloud = load_ply(unchanged(self.run_folder / "gaussians.ply", done))
        return reference.metrics(volume, reference.renders(cloud))


def finished(folder: Path) -> dict[str, Any]:
    """The content of done.json; raises IXGSError for a folder without it."""
    if not (folder / DONE).is_file():
        raise IXGSError(f"{folder}: no {DONE} in it, expected a finished run; let `ixgs reconstruct` end first")
    return read_record(folder / DONE)


def unchanged(path: Path, done: dict[str, Any]) -> Path:
    """The path of an output; raises FormatError when it is not what the run wrote."""
    expected = done.get("outputs", {}).get(path.name)
    if not path.is_file() or sha256(path.read_bytes()) != expected:
        raise FormatError(f"{path}: missing or changed since the run ended, expected the file it wrote; run it again")
    return path
