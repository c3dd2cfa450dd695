"""Timers."""

from __future__ import annotations

from typing import Any

import qt


def single_shot_timer(milliseconds: int, slot: Any) -> Any:
    """A QTimer that calls the slot once after each start."""
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.connect("timeout()", slot)
    return timer
