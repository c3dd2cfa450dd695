"""Timers."""

from __future__ import annotations

from typing import Any

import qt


def timer(milliseconds: int, slot: Any) -> Any:
    """A QTimer that fires once after each start."""
    made = qt.QTimer()
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    made.connect("timeout()", slot)
    return made
