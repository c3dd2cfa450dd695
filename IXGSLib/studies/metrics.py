"""The metrics of a run beside those that every run has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import GeometryError
from ..messages import warn
from ..volume import Volume
from .case_making import MadeCase
from .plan import Subject

if TYPE_CHECKING:
    from ..evaluation.reference import Metrics


def metrics_of(folder: Path, made: MadeCase, subject: Subject) -> Metrics:
    """What is kept of findings and implants that a plan put into the patient, and task metrics of labelled vertebrae.

    folder: that of the run. A warning says why there are no task metrics where the labels do not allow any.
    """
    if made.truth is None or (made.inserts is None and subject.labels is None):
        return {}
    volume, truth = Volume.load(folder / "volume.nrrd"), Volume.load(made.truth)
    return {**_kept(volume, truth, made), **_tasks(volume, truth, subject)}


def _kept(volume: Volume, truth: Volume, made: MadeCase) -> Metrics:
    if made.inserts is None:
        return {}
    from .inserts import kept, read_inserts

    return kept(volume, truth, read_inserts(made.inserts))


def _tasks(volume: Volume, truth: Volume, subject: Subject) -> Metrics:
    if subject.labels is None:
        return {}
    from ..evaluation.tasks import compare_tasks
    from ..volume.images import read_image

    values, grid = read_image(subject.labels)
    labels = np.rint(values).astype(np.int32)
    levels = {label: name for label, name in subject.levels if (labels == label).any()}
    try:
        found: Metrics = compare_tasks(volume, truth, (labels, grid), levels).as_dict()
    except GeometryError as error:
        warn(f"no task metrics: {error}")
        return {}
    return found
