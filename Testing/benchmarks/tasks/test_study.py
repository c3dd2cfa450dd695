"""The tables on the page are those of the stored results."""

from __future__ import annotations

from Testing.benchmarks.store import Store
from Testing.benchmarks.tasks import study


def test_the_page_shows_the_stored_results():
    content = Store(study.STORE).content
    assert {each["method"] for each in content["runs"]} <= {study.method(row) for row in study.ROWS}
    assert study.PART.read() == study.table(content)
    assert study.PEDICLES.read() == study.pedicle_table(content)


def test_a_value_that_is_missing_is_a_dash():
    assert study.text(None, "mm", 1) == "–"
    assert study.text(0.5, "%", 0) == "50"
    assert study.pedicle_text(None, [None, None, None, None, ""]) == "–; – mm, –°, –"
    assert study.pedicle_text(9.0, [9.0, 8.5, 1.0, 2.0, "A"]) == "-0.5 mm; 1.0 mm, 2°, A"
