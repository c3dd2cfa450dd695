"""What is reported and recorded can be expressed in JSON."""

import json
import math

from IXGSLib.runs.events import finite


def test_numbers_that_are_not_finite_become_none_wherever_they_are():
    value = {"spread": math.nan, "views": [{"id": "a", "spread": math.inf}, (1.5, -math.inf)], "name": "nan"}
    expected = {"spread": None, "views": [{"id": "a", "spread": None}, [1.5, None]], "name": "nan"}
    assert json.loads(json.dumps(finite(value), allow_nan=False)) == expected
