"""Numbers of the host where a tensor lives."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def placed(values: np.ndarray, like: Tensor) -> Tensor:
    """An array as a tensor of the type and on the device of another, without waiting for that device.

    A copy from ordinary memory waits until all work before it is done; one from pinned memory does not.
    """
    tensor = torch.tensor(values, dtype=like.dtype)
    return tensor if like.device.type == "cpu" else tensor.pin_memory().to(like.device, non_blocking=True)
