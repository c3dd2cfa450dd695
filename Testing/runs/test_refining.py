"""The first stage of a refinement reports its starts and can be stopped between them."""

from __future__ import annotations

import pytest

from IXGSLib.errors import Cancelled
from IXGSLib.runs import refining
from IXGSLib.runs.events import Reporter
from Testing.calibration import phantom
from Testing.calibration.test_refinement import EXPECTED


class Kept:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.events: list[dict] = []

    def show(self, event: dict) -> None:
        self.events.append(event)

    def close(self) -> None: ...


def test_each_start_is_reported():
    display = Kept()
    refining.first_stage(phantom.case(phantom.views()), EXPECTED, Reporter(display))
    assert [(event["stage"], event["step"], event["steps"]) for event in display.events] == [
        ("poses", 1, 2),
        ("poses", 2, 2),
    ]


def test_it_stops_between_two_starts(monkeypatch):
    display = Kept()
    monkeypatch.setattr(refining, "stop_asked", lambda: True)
    with pytest.raises(Cancelled, match="cancelled"):
        refining.first_stage(phantom.case(phantom.views()), EXPECTED, Reporter(display))
    assert len(display.events) == 1
