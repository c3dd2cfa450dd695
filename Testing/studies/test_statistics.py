"""Intervals contain the mean as often as they say, differences are paired, knees are where curves bend."""

import numpy as np
import pytest

from IXGSLib.studies.statistics import differences, knee, lower_is_better, mean_of


def record(subject, metric, status="done", patient="", **condition):
    metrics = {} if metric is None else {"bone_dice": metric, "bone_surface_distance": 1 - metric}
    return {
        "id": f"{subject}{condition}",
        "subject": subject,
        "patient": patient or subject,
        "status": status,
        "reason": "" if status == "done" else "no bone",
        "metrics": metrics,
        "condition": condition,
        "warnings": [],
        "seconds": 1.0,
    }


@pytest.mark.parametrize(("count", "patients"), [(5, True), (20, True), (12, False)])
def test_an_interval_contains_the_mean_about_as_often_as_it_says(count, patients):
    """Of patients whose values depend on each other, and of runs where there is one patient."""
    generator, inside, trials = np.random.default_rng(5), 0, 150
    for trial in range(trials):
        own = generator.normal(0, 1.0, count)
        values = [
            (f"p{n}" if patients else "one", 3 + own[n] + (generator.normal(0, 0.3) if patients else 0))
            for n in range(count)
            for _ in range(4 if patients else 1)
        ]
        found = mean_of(values, trial)
        assert found.over == ("patients" if patients else "runs")
        assert found.independent == count
        inside += found.low <= 3 <= found.high
    assert 0.87 <= inside / trials <= 0.99


def test_two_values_have_no_interval():
    found = mean_of([("a", 1.0), ("b", 2.0)])
    assert (found.mean, found.values, found.has_interval) == (1.5, 2, False)
    assert mean_of([]) is None


def test_equal_values_have_an_interval_of_no_width():
    found = mean_of([(str(n), 0.5) for n in range(9)])
    assert (found.low, found.mean, found.high) == (0.5, 0.5, 0.5)


def test_differences_are_those_of_pairs():
    """A patient who is harder throughout does not hide that one level is better."""
    records = [
        record(name, level + 0.1 * better, method=method, seed=0)
        for name, level in (("a", 0.2), ("b", 0.5), ("c", 0.8))
        for method, better in (("raw", 0), ("network", 1))
    ]
    (found,) = differences(records, "method", "raw", "bone_dice")
    assert found.level == "network"
    assert found.difference.mean == pytest.approx(0.1)
    assert found.difference.high - found.difference.low < 1e-6
    assert (found.better, found.lost, found.difference.over) == (1.0, 0, "patients")
    (distance,) = differences(records, "method", "raw", "bone_surface_distance")
    assert distance.difference.mean == pytest.approx(-0.1)
    assert distance.better == 1.0


def test_pairs_that_a_failure_broke_are_counted():
    records = [
        record("a", 0.5, method="raw"),
        record("a", 0.6, method="network"),
        record("b", None, status="failed", method="raw"),
        record("b", 0.6, method="network"),
        record("c", 0.9, method="network"),
    ]
    (found,) = differences(records, "method", "raw", "bone_dice")
    assert (found.difference.values, found.lost) == (1, 1)


@pytest.mark.parametrize("bend", [10, 15, 25])
def test_the_knee_is_where_a_curve_bends(bend):
    levels = [5, 10, 15, 25, 50]
    means = [np.log(min(level, bend)) + 0.1 * np.log(max(level, bend)) for level in levels]
    assert knee(levels, means, "bone_dice") == bend
    assert knee(levels, [-mean for mean in means], "bone_surface_distance") == bend


def test_curves_without_a_knee():
    assert knee([5, 10, 20], [0.3, 0.2, 0.1], "bone_dice") is None
    assert knee([5, 10], [0.1, 0.2], "bone_dice") is None
    assert knee([5, 10, 20], [0.1, 0.11, 0.5], "bone_dice") is None


def test_errors_and_distances_are_better_when_low():
    assert lower_is_better("bone_surface_distance")
    assert not lower_is_better("volume_psnr")
