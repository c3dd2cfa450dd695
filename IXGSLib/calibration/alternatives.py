"""Changes that may make images and poses match: rotated or mirrored images, another order, other intrinsics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..geometry import View
from ..geometry.readout import SCALES
from .consistency import SAMPLING, EpipolarPairs

SHIFTS = (-0.2, -0.16, -0.12, -0.08, -0.05, -0.03, 0.03, 0.05, 0.08, 0.12, 0.16, 0.2)
"""Displacements of the principal point to try, as fractions of the longer side of the image."""
SIDES = (("left", "up"), ("right", "down"))
"""The directions of a negative and of a positive displacement along x and y."""


def _half_turned(tables: np.ndarray) -> np.ndarray:
    return -tables[:, :, ::-1]


def _mirrored(tables: np.ndarray) -> np.ndarray:
    return tables[:, ::-1]


def _quarter_turned(tables: np.ndarray) -> np.ndarray:
    """The tables of images rotated by 90 degrees to the left: the angle of every line grows by half of the table."""
    whole_turn = np.concatenate([tables[:, :-1], _half_turned(tables[:, :-1])], axis=1)
    return np.roll(whole_turn, -SAMPLING.angles // 2, axis=1)[:, : SAMPLING.angles + 1]


@dataclass(frozen=True)
class Variant:
    """Another layout of the images.

    name: completes "if the images were ...". cure: how to convert the images. table: the conversion of Radon tables.
    """

    name: str
    cure: str
    table: Callable[[np.ndarray], np.ndarray]


AS_GIVEN = Variant("left unchanged", "", lambda tables: tables)
UPRIGHT = (
    AS_GIVEN,
    Variant("mirrored left to right", "flip the images left to right", _mirrored),
    Variant("turned upside down", "flip the images top to bottom", lambda t: _half_turned(_mirrored(t))),
    Variant("rotated by 180 degrees", "rotate the images by 180 degrees", _half_turned),
)
"""The layouts that are possible for images of any size."""
SQUARE = (
    *UPRIGHT,
    Variant("rotated by 90 degrees to the left", "rotate the images by 90 degrees to the left", _quarter_turned),
    Variant(
        "rotated by 90 degrees to the right",
        "rotate the images by 90 degrees to the right",
        lambda t: _half_turned(_quarter_turned(t)),
    ),
    Variant("transposed", "transpose the images", lambda t: _quarter_turned(_mirrored(t))),
    Variant(
        "transposed and rotated by 180 degrees",
        "transpose the images and rotate them by 180 degrees",
        lambda t: _half_turned(_quarter_turned(_mirrored(t))),
    ),
)
"""The layouts that are possible for square images."""


@dataclass(frozen=True, eq=False)
class Alternative:
    """One change that may make images and poses agree.

    name: completes "the images would agree if ..." (for a layout or an order, "they should be ..." too). cure: what to
    do. shown: (views,) index of each view's image among all tables. pairs: for a change of the geometry. tables: for a
    layout that is not among all tables. intrinsics: whether the change is one of K, with the images as they are.
    """

    name: str
    cure: str
    shown: np.ndarray
    pairs: EpipolarPairs | None = None
    tables: np.ndarray | None = None
    intrinsics: bool = False


def layouts(pairs: EpipolarPairs) -> tuple[Variant, ...]:
    """The layouts that images of these sizes could have."""
    sizes = {view.size for view in pairs.views}
    return SQUARE if all(width == height for width, height in sizes) else UPRIGHT


def all_tables(tables: np.ndarray, variants: tuple[Variant, ...]) -> np.ndarray:
    """(variants x views, ...) the tables of every layout; the images as they are come first."""
    return np.ascontiguousarray(np.concatenate([variant.table(tables) for variant in variants]))


def whole_layouts(count: int, variants: tuple[Variant, ...]) -> Iterator[Alternative]:
    """All images in another layout."""
    for number, variant in enumerate(variants[1:], start=1):
        yield Alternative(variant.name, variant.cure, number * count + np.arange(count))


def turned(pairs: EpipolarPairs, tables: np.ndarray) -> Iterator[Alternative]:
    """All images, of one size that is not square, with width and height exchanged; K is taken for the exchanged ones.

    tables: (views, ...) of the images as they are.
    """
    sizes = {view.size for view in pairs.views}
    if len(sizes) > 1 or all(width == height for width, height in sizes):
        return
    exchanged = EpipolarPairs.of([replace(view, size=view.size[::-1]) for view in pairs.views])
    for variant in SQUARE[len(UPRIGHT) :]:
        turned_tables = np.ascontiguousarray(variant.table(tables))
        yield Alternative(variant.name, variant.cure, np.arange(len(pairs.views)), exchanged, turned_tables)


def orders(count: int) -> Iterator[Alternative]:
    """All images in another order, one of those that occur in practice."""
    plain, cure = np.arange(count), "check that image files and poses are in the same order"
    yield Alternative("in reverse order", cure, plain[::-1])
    yield Alternative("shifted by one place: each image belongs to the next pose", cure, np.roll(plain, 1))
    yield Alternative("shifted by one place: each image belongs to the pose before", cure, np.roll(plain, -1))
    if count > 10:
        for start in (0, 1):
            by_text = np.array(sorted(plain, key=lambda n: str(n + start)))
            yield Alternative("sorted by number (2 before 10) like the poses", cure, np.argsort(by_text))
            yield Alternative("sorted as text (10 before 2) like the poses", cure, by_text)


def intrinsics(pairs: EpipolarPairs) -> Iterator[Alternative]:
    """The images as they are, with another principal point or with the K of images of another size."""
    plain = np.arange(len(pairs.views))
    longer = float(np.mean([max(view.size) for view in pairs.views]))
    for part in SHIFTS:
        for axis, side in enumerate(SIDES[part > 0]):
            text = f"the principal point were {100 * abs(part):.0f} % of the image's longer side further {side}"
            shift = (part * longer, 0.0) if axis == 0 else (0.0, part * longer)
            moved = [_moved(view, shift) for view in pairs.views]
            cure = "check K, and whether the images were cropped after calibration"
            yield Alternative(text, cure, plain, EpipolarPairs.of(moved), intrinsics=True)
    for scale in SCALES:
        text = f"the views were calibrated on images {scale:.3g} times as large"
        cure = f"give the images at the size of the calibration, or multiply the first two rows of K by {1 / scale:.3g}"
        rescaled = EpipolarPairs.of([_rescaled(view, 1 / scale) for view in pairs.views])
        yield Alternative(text, cure, plain, rescaled, intrinsics=True)


def _moved(view: View, shift: tuple[float, float]) -> View:
    K = view.K.copy()
    K[:2, 2] += shift
    return replace(view, K=K)


def _rescaled(view: View, factor: float) -> View:
    """The view with the K of a detector that is read out with `factor` times as many pixels between the same edges."""
    S = np.diag([factor, factor, 1.0])
    S[:2, 2] = (factor - 1) / 2
    return replace(view, K=S @ view.K)
