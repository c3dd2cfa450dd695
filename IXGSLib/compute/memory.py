"""How much work a GPU does at a time, so that its memory suffices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from ..errors import ReconstructionError

Result = TypeVar("Result")

_work = {"parts": 1}


def part_count() -> int:
    """The number of parts into which a GPU's work is split: one, or two after its memory was exhausted."""
    return _work["parts"]


def within_memory(work: Callable[[], Result]) -> Result:
    """The result of `work`; if it exhausts the memory of the GPU, it and all later work is done in two parts.

    work: must have no side effects when it fails. Raises torch.OutOfMemoryError when the parts are too large as well.
    """
    try:
        return work()
    except torch.OutOfMemoryError:
        if part_count() > 1:
            raise
        _work["parts"] = 2
    # Only after the handler is the exception gone, which keeps alive the tensors that the work had made.
    torch.cuda.empty_cache()
    return work()


@contextmanager
def report_out_of_memory(size: Callable[[], str]) -> Iterator[None]:
    """Begin with unsplit work, and turn torch.OutOfMemoryError into a ReconstructionError that states the sizes.

    size: describes in words what the memory had to hold.
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
