"""Weighted kappa of two raters."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.evaluation.kappa import weighted_kappa


def test_equal_ratings_agree_completely_and_opposite_ones_disagree():
    assert weighted_kappa([0, 1, 2, 3], [0, 1, 2, 3], 4) == 1.0
    assert weighted_kappa([0, 3], [3, 0], 4) == -1.0


def test_it_is_that_of_a_table_with_known_kappa():
    """Two raters, 2 x 2: observed agreement 0.7, by chance 0.5, hence kappa 0.4."""
    table = {(0, 0): 20, (0, 1): 5, (1, 0): 10, (1, 1): 15}
    first = [a for (a, _), count in table.items() for _ in range(count)]
    second = [b for (_, b), count in table.items() for _ in range(count)]
    assert weighted_kappa(first, second, 2) == pytest.approx(0.4)


def test_it_is_that_of_statsmodels():
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    rng = np.random.default_rng(0)
    first = rng.integers(0, 5, 60)
    second = np.clip(first + rng.integers(-1, 2, 60), 0, 4)
    table = np.zeros((5, 5))
    np.add.at(table, (first, second), 1)
    expected = inter_rater.cohens_kappa(table, weights=np.arange(5) ** 1.0, wt="quadratic").kappa
    assert weighted_kappa(first, second, 5) == pytest.approx(expected)


def test_it_is_not_defined_without_items_or_with_one_grade_only():
    assert np.isnan(weighted_kappa([], [], 5))
    assert np.isnan(weighted_kappa([2, 2], [2, 2], 5))
