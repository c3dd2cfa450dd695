"""What is reported and recorded can be expressed in JSON."""

import json
import math

from IXGSLib.errors import Notice
from IXGSLib.runs.events import Reporter, finite


def test_numbers_that_are_not_finite_become_none_wherever_they_are():
    value = {"spread": math.nan, "views": [{"id": "a", "spread": math.inf}, (1.5, -math.inf)], "name": "nan"}
    expected = {"spread": None, "views": [{"id": "a", "spread": None}, [1.5, None]], "name": "nan"}
    assert json.loads(json.dumps(finite(value), allow_nan=False)) == expected


class Heard(list):
    """A display that keeps the events."""

    show = list.append

    def close(self): ...


def test_a_notice_is_reported_once_and_not_as_a_warning():
    heard = Heard()
    reporter = Reporter(heard)
    for message in (Notice("5 % of the pixels are masked"), "upside down", Notice("5 % of the pixels are masked")):
        reporter.warn(message)
    assert [event["event"] for event in heard] == ["note", "warning"]
    assert (reporter.warnings, reporter.notices) == (["upside down"], ["5 % of the pixels are masked"])
