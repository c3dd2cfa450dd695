"""DICOM X-rays, read with pydicom alone: other readers invert MONOCHROME1 and accept false headers.

Messages contain only file names and attributes that do not identify a person.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...errors import IXGSWarning
from ..pixels import Pixels, choose_frame
from .decoding import count_frames, decode
from .exposure import exposure
from .field import field_of_view
from .groups import FrameTags
from .objects import SECONDARY_CAPTURES, open_dataset, sop_class
from .values import intensity_table, measured


def opened(path: Path) -> Callable[[int | None], Pixels]:
    """A function that gives the pixels of a frame by its number, with the field of view that its attributes describe.

    The file is read once, for all frames. The pixels increase with the beam intensity unless the sign says otherwise.
    Overlays, subtraction masks and display tables are not applied.
    Raises TruncatedFile, NotAnImage and FormatError; the function warns of 8 bits, lossy compression and display
    processing.
    """
    dataset = open_dataset(path)
    count = count_frames(FrameTags(dataset, 0, path.name))

    def read(frame: int | None) -> Pixels:
        tags = FrameTags(dataset, choose_frame(count, frame, path.name), path.name)
        stored = decode(tags)
        pixels = measured(stored, tags, field_of_view(stored, tags))
        _warn_of_losses(tags)
        return replace(pixels, exposure=exposure(tags))

    return read


def frame_count(path: Path) -> int:
    """NumberOfFrames, 1 where it is not stated."""
    return count_frames(FrameTags.of(path))


def _warn_of_losses(tags: FrameTags) -> None:
    losses = {
        "processed for display, so line integrals are approximate; export the image 'for processing'": _for_display(
            tags
        ),
        "a secondary capture, which holds the grey values of a screen, not of the detector; export the X-ray itself": (
            sop_class(tags.dataset) in SECONDARY_CAPTURES
        ),
        "text is burnt into its pixels and would be taken for anatomy; export it without annotations": (
            tags.text("BurnedInAnnotation") == "YES"
        ),
        "lossy compression, detail is lost; export it lossless": tags.text("LossyImageCompression") == "01",
    }
    for loss, applies in losses.items():
        if applies:
            warnings.warn(f"{tags.name}: {loss}", IXGSWarning, stacklevel=3)


def _for_display(tags: FrameTags) -> bool:
    if intensity_table(tags) is not None:
        return False
    return (
        tags.text("PixelIntensityRelationship") == "DISP" or tags.text("PresentationIntentType") == "FOR PRESENTATION"
    )
