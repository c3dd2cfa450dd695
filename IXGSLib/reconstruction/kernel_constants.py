"""Constants shared by the CPU kernels, the GPU kernels and their references in plain torch."""

from __future__ import annotations

import numpy as np

ADAM_BETA_1 = 0.9
ADAM_BETA_2 = 0.999
ADAM_EPSILON = 1e-15

SSIM_WINDOW_SIZE = 11
"""Width of the SSIM window in pixels."""
_TAPS = np.exp(-0.5 * ((np.arange(SSIM_WINDOW_SIZE) - SSIM_WINDOW_SIZE // 2) / 1.5) ** 2)
SSIM_WINDOW = (_TAPS / _TAPS.sum()).astype(np.float32)
"""The window's Gaussian weights along one axis."""

TV_EPSILON = 1e-12
"""Added under the root of total variation, which has no derivative at zero; far below any attenuation that matters."""
