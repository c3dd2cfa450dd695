"""Label masks from files, and the names of their vertebrae."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import FormatError, SettingsError
from ...geometry import Grid

VERSE = {
    **{number: f"T{number - 7}" for number in range(8, 20)},
    **{number: f"L{number - 19}" for number in range(20, 26)},
}
"""Labels of the VerSe challenge; L6 exists in some patients, and T13 (28) follows T12."""
TOTALSEGMENTATOR = {
    **{number: f"T{44 - number}" for number in range(43, 31, -1)},
    **{number: f"L{32 - number}" for number in range(31, 26, -1)},
}
"""Labels of TotalSegmentator's task total, version 2."""
SCHEMES = {"verse": VERSE, "totalsegmentator": TOTALSEGMENTATOR}


def read_labels(path: Path) -> tuple[np.ndarray, Grid]:
    """A label mask, int [k, j, i], and its grid; raises FormatError for an image that is none."""
    from ...volume.images import read_image

    values, grid = read_image(path)
    labels = np.rint(values).astype(np.int32)
    if not np.array_equal(labels, values) or labels.min() < 0:
        raise FormatError(f"{path}: holds other values than whole numbers from 0, expected a label mask of vertebrae")
    if not labels.any():
        raise FormatError(f"{path}: has no label, expected a label mask of vertebrae; export it again")
    return labels, grid


def levels_from(words: Sequence[str], labels: np.ndarray) -> dict[int, str]:
    """The names of labels, cranial ones first.

    words: the name of a scheme, whose labels in the mask are taken, or LABEL=NAME such as 20=L1, in the order from the
    head to the feet. Raises SettingsError for others, for a label or name given twice, and where no label is left.
    """
    if len(words) == 1 and words[0].lower() in SCHEMES:
        present = set(np.unique(labels).tolist())
        found = {label: name for label, name in SCHEMES[words[0].lower()].items() if label in present}
        if not found:
            raise SettingsError(f"the label mask has no vertebra of the scheme '{words[0]}'; give --levels LABEL=NAME")
        return found
    found = {}
    for word in words:
        label, equals, name = word.partition("=")
        if not (equals and name and label.isascii() and label.isdigit() and int(label) > 0):
            raise SettingsError(f"level '{word}', expected {' or '.join(SCHEMES)}, or LABEL=NAME such as 20=L1")
        if int(label) in found or name in found.values():
            raise SettingsError(f"level '{word}' repeats a label or a name, expected each once")
        found[int(label)] = name
    if not found:
        raise SettingsError("no levels, expected the labels of vertebrae such as 20=L1")
    return found
