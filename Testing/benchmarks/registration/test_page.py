"""The tables of the study of registration say what is stored."""

from __future__ import annotations

import json

from Testing.benchmarks.registration import page, study


def trial(*ends, start=5.0, verified=True):
    vertebrae = {f"L{n}": {"start": start, "end": end, "verified": verified} for n, end in enumerate(ends, 1)}
    return {"vertebrae": vertebrae, "cpu_seconds": 4.0}


TRIALS = {
    "start/bone/4/0": trial(0.1, 0.3),
    "start/bone/4/1": trial(0.2, 3.0, start=9.5, verified=False),
    "start/bone/4/2": trial(2.5, 0.2, start=9.6),
    "anywhere/bone/4/0": trial(0.1, 1.5, start=None),
    "lumbar/bone/4/0": {"verified": ["L2"]},
    "thoracic/bone/4/0": {"verified": []},
    "thoracic/bone/2/0": {"refused": "mirrored"},
}


def test_errors_rates_and_flags():
    text = page.text(TRIALS)
    assert "| bone |  4 | IXGS, from a start | 6 | 0.25 mm | 67 % | 67 % | too few starts | 1 of 2 | 4.0 s |" in text
    assert "| bone |  4 | IXGS, without a start | 2 | 0.80 mm | 50 % | 100 % | anywhere | 0 of 0 | 4.0 s |" in text


def test_swapped_patients():
    assert "3 registrations, 1 vertebrae verified, 1 refused" in page.text(TRIALS)


def test_capture_ends_with_the_first_bin_that_fails():
    results = [{"start": 0.5, "end": 0.1}, {"start": 1.5, "end": 0.1}, {"start": 2.5, "end": 9}] * page.MIN_IN_BIN
    assert page.capture_text(results) == "2 mm"
    assert page.capture_text([result for result in results if result["end"] < 1]) == "at least 2 mm"


def test_the_page_shows_the_store():
    store = json.loads(study.STORE.read_text())
    assert page.PAGE.read() == page.text(store["trials"])


def test_a_plan_covers_every_case_from_its_first_round():
    first = [trial.name for trial in study.plan(0.005)]
    assert {"start/bone/2/0", "start/realistic/25/0"} <= set(first)
    assert len(set(first)) == len(first)
