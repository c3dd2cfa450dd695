"""How much of a GPU's work is done at a time, so that its memory suffices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from ..errors import ReconstructionError

Result = TypeVar("Result")

_work = {"parts": 1}


def parts() -> int:
    """Into how many parts a GPU's work is cut: one, or two once its memory did not suffice."""
    return _work["parts"]


def within_memory(work: Callable[[], Result]) -> Result:
    """What `work` returns; when a GPU's memory does not suffice for it, it is done again, as all work then, in halves.

    work: must leave no trace when it fails. Raises torch.OutOfMemoryError when half is too much as well.
    """
    try:
        return work()
    except torch.OutOfMemoryError:
        if parts() > 1:
            raise
        _work["parts"] = 2
    # Not before here is the exception gone, which held on to what the work had made.
    torch.cuda.empty_cache()
    return work()


@contextmanager
def accounted(size: Callable[[], str]) -> Iterator[None]:
    """Begin with whole work, and tell the figures when a GPU's memory does not suffice.

    size: what it has to suffice for, in words. Raises ReconstructionError in the place of torch.OutOfMemoryError.
    """
    _work["parts"] = 1
    try:
        yield
    except torch.OutOfMemoryError:
        free, total = (n / 2**30 for n in torch.cuda.mem_get_info())
        raise ReconstructionError(
            f"the GPU's memory does not suffice for {size()}, with {free:.1f} of {total:.1f} GiB free; "
            "use fewer Gaussians, a coarser region or --device cpu"
        ) from None
    finally:
        _work["parts"] = 1
