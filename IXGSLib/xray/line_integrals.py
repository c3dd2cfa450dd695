"""The log step: from X-ray intensity to line integrals of attenuation."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import get_args

import numpy as np

from ..errors import FormatError, IXGSNotice, IXGSWarning
from .exposure import Plateau, brightest_plateau
from .logarithmic import from_logarithm
from .pixels import Pixels
from .radiograph import Values

MAX_INVALID_SHARE = 0.01
"""Share of NaN or infinite pixels up to which they are masked; an image with more is refused."""
PLAUSIBLE_RANGE = (-1.0, 20.0)
"""Range of line integrals of a patient: 20 corresponds to a metre of water."""
IMPOSSIBLE = 1e6
"""Line integral beyond which not even intensities in their place, which are warned of, are a measurement."""
MIN_SHADOW = 2.0
"""Smallest line integral of the shadow of a collimator."""
_DETECTOR_MAXIMA = tuple(2.0**bits - 1 for bits in range(8, 17))


def line_integrals(
    pixels: Pixels, values: Values, i0: float | None = None, mask: np.ndarray | None = None, name: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """The line integrals (height, width) float32, finite, and the mask of pixels that measured one.

    values: "intensity" takes -log(I / i0), with i0 estimated from the open field when it is not stated; "line_integral"
    takes the numbers as they are.
    mask: (height, width) bool of pixels to trust, all when not given. Masked pixels are 0 in the result.
    Pixels of the open field stay in the mask: a line integral of about 0, negative through noise, says that the ray is
    empty.
    NaN, infinite, starved (no intensity left) and saturated pixels are masked, and everything outside the open field:
    what the file's tags exclude, then what the picture shows as collimated, penumbra included.
    An image of zeros is refused as intensity; as line integrals it is an empty view, which is warned of.
    Raises FormatError for an image that measures nothing.
    """
    if values not in get_args(Values):
        raise FormatError(f'{name}: values "{values}", expected "line_integral" or "intensity"')
    trusted = np.ones(pixels.values.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    if trusted.shape != pixels.values.shape:
        (h, w), (mh, mw) = pixels.values.shape, trusted.shape
        raise FormatError(f"{name}: a mask of {mw} x {mh} pixels on an image of {w} x {h}; both must have one size")
    if not trusted.any():
        raise FormatError(f"{name}: its mask covers every pixel, expected measured pixels (nonzero) in it")
    if pixels.field is not None:
        trusted = _inside_tagged_field(pixels.field, trusted, name)
    trusted = _finite(pixels.values, trusted, name)
    if values == "line_integral":
        image = _as_stored(pixels, trusted, name)
        covered = _beyond_rim(image, trusted)
        if (covered & trusted).any():
            _note(f"{name}: {100 * np.mean(covered & trusted):.2g} % of the pixels are collimated and are masked")
        trusted = trusted & ~covered
    else:
        image, trusted = _logarithm(pixels, i0, trusted, name)
    _check_plausible(image[trusted], name)
    return np.where(trusted, image, 0).astype(np.float32), trusted


def plateau(pixels: Pixels, i0: float | None, mask: np.ndarray, name: str = "") -> Plateau:
    """The intensity that `line_integrals` refers to: i0 where it is stated, else the brightest plateau of the field.

    mask: (height, width) bool as `line_integrals` returned it.
    """
    found = brightest_plateau(_intensity(pixels, name), mask) if i0 is None else Plateau(float(i0), True)
    return replace(found, exposure=pixels.exposure)


def saturated(pixels: Pixels, intensity: np.ndarray) -> np.ndarray:
    """(height, width) bool: pixels at the largest number of the format, or at a full 8 to 16-bit detector scale.

    Floats have no largest number, and a bright plateau below the maximum is open field, not saturation.
    """
    if pixels.limits is None:
        return np.zeros(intensity.shape, dtype=bool)
    top = intensity.max()
    full_scale = top in _DETECTOR_MAXIMA and np.count_nonzero(intensity == top) > 1
    return intensity >= (top if full_scale else pixels.limits[1])


def _inside_tagged_field(field: np.ndarray, trusted: np.ndarray, name: str) -> np.ndarray:
    outside = trusted & ~field
    if not (trusted & field).any():
        raise FormatError(
            f"{name}: the file's tags place the field of view outside all measured pixels; correct the tags or "
            "export the image without them"
        )
    if outside.any():
        _note(f"{name}: {100 * np.mean(outside):.2g} % of the pixels lie outside the tagged field and are masked")
    return trusted & field


def _finite(image: np.ndarray, trusted: np.ndarray, name: str) -> np.ndarray:
    invalid = ~np.isfinite(image) & trusted
    part = np.count_nonzero(invalid) / np.count_nonzero(trusted)
    if part > MAX_INVALID_SHARE:
        raise FormatError(
            f"{name}: {100 * part:.3g} % of the pixels are NaN or infinite, expected at most "
            f"{100 * MAX_INVALID_SHARE:g} %; export the image again or give a mask"
        )
    if part:
        _warn(f"{name}: {100 * part:.2g} % of the pixels are NaN or infinite and are masked")
    return trusted & ~invalid


def _as_stored(pixels: Pixels, trusted: np.ndarray, name: str) -> np.ndarray:
    if pixels.scale == "log":
        return from_logarithm(pixels, trusted, name)
    if pixels.scale == "linear" or pixels.sign == 1:
        raise FormatError(f'{name}: the file says that it holds X-ray intensity; state "values": "intensity"')
    image = pixels.values
    low, high = image[trusted].min(), image[trusted].max()
    if low == high != 0:
        raise FormatError(f"{name}: every pixel is {low:g}, expected an X-ray; export the image again")
    if low == high:
        _warn(f"{name}: all line integrals are zero, so this view shows nothing")
    return image


def _beyond_rim(image: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """(height, width) bool: what a collimator covers in an image of line integrals, nothing on an odd scale."""
    if not _is_plausible(image[trusted]):
        return np.zeros(image.shape, dtype=bool)
    from .collimation import collimated  # SciPy takes half a second to load

    covered = collimated(np.exp(-_filled(image)))
    return covered if covered.any() and np.median(image[covered & trusted]) > MIN_SHADOW else np.zeros_like(covered)


def _filled(image: np.ndarray) -> np.ndarray:
    """The image with its few NaN and infinite pixels replaced by their nearest neighbours."""
    invalid = ~np.isfinite(image)
    if not invalid.any():
        return image
    from scipy import ndimage  # it takes half a second to load

    nearest = ndimage.distance_transform_edt(invalid, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


def _logarithm(pixels: Pixels, i0: float | None, trusted: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """-log(I / i0) and the mask."""
    from .collimation import collimated  # SciPy takes half a second to load

    intensity = _intensity(pixels, name)
    low, high = intensity[trusted].min(), intensity[trusted].max()
    if low == high:
        raise FormatError(f"{name}: every pixel is {low:g}, expected an X-ray; export the image again")
    starved, clipped = intensity <= 0, saturated(pixels, np.where(trusted, intensity, -np.inf))
    if not (trusted & ~starved & ~clipped).any():
        raise FormatError(f"{name}: every pixel is starved or saturated, expected an X-ray; export the image again")
    covered = collimated(_filled(intensity))
    inside = trusted & ~starved & ~clipped & ~covered
    if not inside.any():
        raise FormatError(f"{name}: no pixel is left after masking, expected an X-ray; export the image again")
    i0 = _checked_i0(i0, brightest_plateau(intensity, inside), name)
    for part, what in ((starved & ~covered, "starved (no intensity)"), (clipped, "saturated"), (covered, "collimated")):
        if (part & trusted).any():
            _note(f"{name}: {100 * np.mean(part & trusted):.2g} % of the pixels are {what} and are masked")
    return -np.log(np.where(inside, intensity, i0) / i0), inside


def _intensity(pixels: Pixels, name: str) -> np.ndarray:
    """(height, width) float64 that grows with the X-ray intensity."""
    if pixels.scale == "log":
        raise FormatError(
            f"{name}: its pixels are logarithmic (PixelIntensityRelationship LOG) without a table back to intensity; "
            'state "values": "line_integral", or export linear pixels'
        )
    intensity = pixels.values.astype(np.float64)
    if pixels.sign == -1 and pixels.limits is not None:
        return pixels.limits[0] + pixels.limits[1] - intensity
    return intensity


def _checked_i0(stated: float | None, found: Plateau, name: str) -> float:
    estimate = found.level
    if stated is None:
        if estimate <= 0:
            raise FormatError(f"{name}: its brightest pixels are {estimate:g}, expected intensities above 0")
        doubt = "" if found.is_open else ", though no ray seems to miss the patient"
        _warn(f'{name}: I0 estimated from the brightest region as {estimate:.5g}{doubt}; state "i0" for the true scale')
        return estimate
    if isinstance(stated, bool) or not np.isfinite(stated) or stated <= 0:
        raise FormatError(f"{name}: i0 is {stated}, expected a positive intensity in the units of the pixels")
    if estimate > 1.5 * stated:
        _warn(f"{name}: i0 is stated as {stated:.5g}, but the open field is near {estimate:.5g}; check i0")
    return float(stated)


def _check_plausible(image: np.ndarray, name: str) -> None:
    if not np.abs(image).max(initial=0) <= IMPOSSIBLE:
        raise FormatError(
            f"{name}: a line integral of {image[np.abs(image).argmax()]:.3g}, expected about 0 to 10 for a patient; "
            "export the image again, or mask what is no measurement"
        )
    if not _is_plausible(image):
        low, high = np.percentile(image, (1, 99))
        _warn(
            f"{name}: line integrals of {low:.3g} to {high:.3g}, expected about 0 to 10 for a patient; check that "
            '"values" says what the file holds and that i0 and scale are right'
        )


def _is_plausible(image: np.ndarray) -> bool:
    low, high = np.percentile(image, (1, 99))
    return bool(low >= PLAUSIBLE_RANGE[0] and high <= PLAUSIBLE_RANGE[1])


def _warn(message: str) -> None:
    warnings.warn(message, IXGSWarning, stacklevel=3)


def _note(message: str) -> None:
    warnings.warn(message, IXGSNotice, stacklevel=3)
