"""The table on the page is that of the stored results."""

from __future__ import annotations

from Testing.benchmarks.readers import recovery
from Testing.benchmarks.store import Store


def test_the_page_shows_the_stored_results():
    content = Store(recovery.STORE).content
    assert {each["method"] for each in content["runs"]} == {scenario.name for scenario in recovery.SCENARIOS}
    assert recovery.PART.read() == recovery.table(content)
    assert "Simulated" in recovery.table(content)


def test_one_study_finds_the_metric_that_readers_follow():
    found = recovery.study(recovery.SCENARIOS[0], 0)
    assert found["first"]
    assert found["better"]
