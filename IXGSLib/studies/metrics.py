"""The metrics of a run beside those that every run has."""

from __future__ import annotations

from pathlib import Path

from .case_making import MadeCase

Metrics = dict[str, "float | None"]


def metrics_of(folder: Path, made: MadeCase) -> Metrics:
    """What is kept of implants and findings, where a plan put some into the patient."""
    if made.inserts is None or made.truth is None:
        return {}
    from ..volume import Volume
    from .inserts import kept, read_inserts

    volume, truth = Volume.load(folder / "volume.nrrd"), Volume.load(made.truth)
    return kept(volume, truth, read_inserts(made.inserts))
