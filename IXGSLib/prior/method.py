"""The choice of a prior; imports nothing heavy."""

from __future__ import annotations

from typing import Literal

PriorMethod = Literal["auto", "learnt", "none"]
"""learnt: bone that a network expects from all X-rays together. auto: learnt where the network fits the X-rays."""
