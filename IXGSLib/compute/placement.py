"""Moving numbers from the host to the device of a tensor."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def tensor_like(values: np.ndarray, like: Tensor) -> Tensor:
    """An array as a tensor with the type and the device of another, without waiting for that device.

    A copy from pageable memory waits until all earlier work is done; a copy from pinned memory does not.
    """
    tensor = torch.tensor(values, dtype=like.dtype)
    return tensor if like.device.type == "cpu" else tensor.pin_memory().to(like.device, non_blocking=True)
