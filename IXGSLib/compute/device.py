"""The devices that can be asked for."""

from __future__ import annotations

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
"""auto uses a GPU where one works."""
