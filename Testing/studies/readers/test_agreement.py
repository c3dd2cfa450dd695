"""Agreement is that of published tables, and a known one lies in its interval."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.evaluation.kappa import weighted_kappa
from IXGSLib.studies.readers.agreement import agreement, icc, kappas
from IXGSLib.studies.readers.ratings import Rating, Ratings

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
"""Six subjects rated by four judges: Shrout and Fleiss, Psychological Bulletin 1979, table 2."""


def ratings(table, twice=None):
    """Ratings of "overall" from (runs, readers) answers; twice: (runs, readers) answers to second showings."""
    made = [
        Rating(f"R{reader}", f"set-{reader}", f"{run:03d}", f"run{run:03d}", 1, {"overall": int(value)})
        for run, row in enumerate(table)
        for reader, value in enumerate(row)
        if value > 0
    ]
    made += [
        Rating(f"R{reader}", f"set-{reader}", f"{run + 500}", f"run{run:03d}", 2, {"overall": int(value)})
        for run, row in enumerate(() if twice is None else twice)
        for reader, value in enumerate(row)
    ]
    return Ratings(tuple(made), None, ())


def specimens(runs, each=2):
    return {f"run{run:03d}": f"specimen{run // each}" for run in range(runs)}


def model(seed, runs=60, readers=3, item=1.0, reader=0.3, error=0.6):
    """Continuous ratings whose ICC(A,1) is known, and it."""
    rng = np.random.default_rng(seed)
    table = 3 + rng.normal(size=(runs, 1)) * item + rng.normal(size=(1, readers)) * reader
    return table + rng.normal(size=(runs, readers)) * error, item**2 / (item**2 + reader**2 + error**2)


def test_icc_and_its_interval_are_those_of_shrout_and_fleiss():
    found = icc(SHROUT_FLEISS)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == pytest.approx((0.02, 0.76), abs=0.006)


def test_equal_ratings_have_an_icc_of_1_and_constant_ones_none():
    table = np.array([[1, 1], [3, 3], [5, 5]], float)
    assert (icc(table).value, icc(table).low, icc(table).high) == (1.0, 1.0, 1.0)
    assert icc(np.full((4, 2), 3.0)).reason == "all ratings are the same"


def test_a_known_icc_lies_in_its_interval():
    """By its definition in 95 % of samples; 3 of 60 are expected outside, and more than 8 in 1 of 150 series."""
    outside = 0
    for seed in range(60):
        table, known = model(seed, readers=12)
        found = icc(table)
        outside += not found.low <= known <= found.high
    assert outside <= 8


def test_kappas_of_resamples_are_those_of_their_items():
    rng = np.random.default_rng(1)
    first = rng.integers(1, 6, 30)
    second = np.clip(first + rng.integers(-1, 2, 30), 1, 5)
    weights = rng.multinomial(30, np.full(30, 1 / 30), size=3).astype(float)
    for row, found in zip(weights, kappas(first, second, weights), strict=True):
        items = np.repeat(np.arange(30), row.astype(int))
        assert found == pytest.approx(weighted_kappa(first[items] - 1, second[items] - 1, 5))


def test_a_known_kappa_between_readers_lies_in_its_interval():
    """Two readers with the same margins differ by one category in half of the runs: kappa 1 - 0.5 / (2 x variance)."""
    inside = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = rng.integers(1, 5, 80)
        table = np.stack([truth + rng.integers(0, 2, 80) for _ in range(2)], axis=1)
        variance = (16 - 1) / 12 + 0.25  # of a uniform number of 1 to 4, and of a coin
        known = 1 - 0.5 / (2 * variance)
        found = agreement(ratings(table), "overall", specimens(80), seed).inter_kappa
        inside += found.low <= known <= found.high
    assert inside >= 16


def test_agreement_within_readers_is_that_of_second_showings():
    table = np.array([[1, 2], [2, 2], [3, 4], [4, 4], [5, 5]])
    found = agreement(ratings(table, twice=table), "overall", specimens(5))
    assert found.intra_kappa.value == found.intra_icc.value == 1.0
    assert found.intra_kappa.items == 10
    assert found.by_reader["R0"][0].items == 5
    assert found.inter_kappa.value < 1
    worse = agreement(ratings(table, twice=table[::-1]), "overall", specimens(5))
    assert worse.intra_icc.value < 0


def test_one_reader_has_no_agreement_with_others():
    found = agreement(ratings(np.array([[1], [3], [5], [4]])), "overall", specimens(4))
    assert found.inter_icc.reason == found.inter_kappa.reason == "1 reader answered, expected at least 2"
    assert found.intra_icc.reason.startswith("0 items rated")
    assert not found.inter_kappa.defined


def test_only_runs_that_all_readers_rated_count_for_the_icc():
    table = np.array([[1, 1], [2, 2], [3, 3], [4, 0], [5, 0]])
    found = agreement(ratings(table), "overall", specimens(5))
    assert found.inter_icc.items == 3


def test_tied_ratings_are_not_called_agreement():
    found = agreement(ratings(np.full((6, 2), 3)), "overall", specimens(6))
    assert found.inter_kappa.reason == found.inter_icc.reason == "all ratings are the same"
