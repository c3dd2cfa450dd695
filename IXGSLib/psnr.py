"""Peak signal-to-noise ratio, for the fit of a reconstruction and for its evaluation."""

from __future__ import annotations

import numpy as np


def psnr(values: np.ndarray, truth: np.ndarray, *, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio in dB of two arrays of the same shape; infinite when they are equal.

    data_range: the peak; by default the maximum of the truth, as is usual in tomography, where attenuation starts at 0.
    nan when there is nothing to compare or no positive peak.
    """
    peak = (float(np.max(truth)) if np.size(truth) else 0.0) if data_range is None else float(data_range)
    if np.size(truth) == 0:
        return float("nan")
    return psnr_of_error(float(np.mean(np.square(np.subtract(values, truth, dtype=np.float64)))), peak)


def psnr_of_error(mean_squared_error: float, peak: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error: 10 log10(peak^2 / error).

    Infinite for an error of 0; nan without a positive peak.
    """
    if not peak > 0:
        return float("nan")
    error = float(mean_squared_error)
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))
