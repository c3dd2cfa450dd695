"""Correlations are those of scipy, and the metric that readers follow is found across seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from IXGSLib.evaluation.labels import lower_is_better
from IXGSLib.studies.readers.correlation import (
    corrected,
    correlation,
    difference,
    kendall,
    mean_ratings,
    mixed_slope,
    spearman,
)
from IXGSLib.studies.readers.key import Run
from IXGSLib.studies.readers.ratings import Rating, Ratings
from IXGSLib.studies.readers.resampling import resampled_over, two_sided, weights

RUNS, EACH = 48, 4


def study(seed, noise=0.5):
    """Runs of 12 specimens and ratings that follow their surface distance; PSNR follows it loosely, dice not at all."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=RUNS)
    specimen = np.repeat(rng.normal(size=RUNS // EACH) * 0.5, EACH)
    runs = {
        f"run{n:02d}": Run(
            f"run{n:02d}",
            f"specimen{n // EACH}",
            {
                "bone_surface_distance": float(2 - 0.4 * quality[n]),
                "volume_psnr": float(30 + quality[n] + rng.normal() * 1.5),
                "volume_ssim": float(0.9 + 0.01 * quality[n] + rng.normal() * 0.02),
                "bone_dice": float(rng.normal()),
            },
        )
        for n in range(RUNS)
    }
    rated = np.clip(3 + quality + specimen + rng.normal(size=RUNS) * noise, 1, 5)
    return runs, dict(zip(runs, rated.tolist(), strict=True))


def test_rank_correlations_are_those_of_scipy_for_every_resample_with_ties():
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 6, 25).astype(float), rng.integers(1, 6, 25).astype(float)
    drawn = np.concatenate([np.ones((1, 25)), weights([f"s{n}" for n in range(25)], 0, 5)])
    for row, rho, tau in zip(drawn, spearman(x, y, drawn), kendall(x, y, drawn), strict=True):
        items = np.repeat(np.arange(25), row.astype(int))
        assert rho == pytest.approx(stats.spearmanr(x[items], y[items]).statistic)
        assert tau == pytest.approx(stats.kendalltau(x[items], y[items]).statistic)


def test_specimens_are_resampled_as_a_whole():
    names = [f"s{n // 4}" for n in range(40)]
    drawn = weights(names, 0, 50).reshape(50, 10, 4)
    assert (drawn == drawn[:, :, :1]).all()
    assert (drawn.sum(axis=(1, 2)) == 40).all()


def test_few_specimens_are_not_resampled():
    names = ["a"] * 5 + ["b"] * 5
    assert resampled_over(names) == "runs"
    drawn = weights(names, 0, 50)
    assert (drawn[:, :5] != drawn[:, :1]).any()


def test_better_metrics_correlate_positively_whatever_their_direction():
    runs, rated = study(0)
    found = correlation("overall", rated, "bone_surface_distance", runs)
    assert lower_is_better("bone_surface_distance")
    assert found.spearman.value > 0.6
    assert found.kendall.value > 0.4
    assert found.slope.value > 0.5
    assert found.p_value < 0.001
    assert found.spearman.low < found.spearman.value < found.spearman.high


def test_the_metric_that_readers_follow_is_found_across_seeds():
    found = {"bone_surface_distance": 0, "bone_dice": 0}
    for seed in range(6):
        runs, rated = study(seed)
        pairs = [(metric, base) for metric in found for base in ("volume_psnr", "volume_ssim")]
        tested = corrected([difference("overall", rated, pair, runs, seed) for pair in pairs])
        for metric in found:
            found[metric] += all(each.better for each in tested if each.metric == metric)
    assert found["bone_surface_distance"] >= 5
    assert found["bone_dice"] == 0


def test_a_metric_without_an_advantage_is_rarely_called_better():
    """Two metrics that follow the readers equally well: p below 0.05 in about one of twenty studies."""
    small = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        quality = rng.normal(size=RUNS)
        noise = rng.normal(size=(2, RUNS))
        runs = {
            f"run{n:02d}": Run(
                f"run{n:02d}", f"s{n // EACH}", {"a": quality[n] + noise[0, n], "b": quality[n] + noise[1, n]}
            )
            for n in range(RUNS)
        }
        rated = dict(zip(runs, quality + rng.normal(size=RUNS) * 0.3, strict=True))
        small += difference("overall", rated, ("a", "b"), runs, seed).p_value < 0.05
    assert small <= 5


def test_corrected_p_values_are_larger_by_the_number_of_comparisons():
    pytest.importorskip("statsmodels")
    runs, rated = study(1)
    one = difference("overall", rated, ("bone_surface_distance", "bone_dice"), runs)
    alone, several = (
        corrected([one])[0],
        corrected([one, *[difference("overall", rated, ("bone_dice", "volume_psnr"), runs)] * 3])[0],
    )
    assert alone.adjusted == pytest.approx(one.p_value)
    assert several.adjusted == pytest.approx(4 * one.p_value)


def test_p_values_are_never_zero():
    assert two_sided(np.ones(99)) == pytest.approx(0.02)
    assert two_sided(np.linspace(-1, 1, 100)) == pytest.approx(1.0)


def test_the_mixed_model_recovers_a_slope_beside_differences_of_specimens():
    pytest.importorskip("statsmodels")
    inside = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        specimens = np.repeat(np.arange(12), 4)
        x = rng.normal(size=48)
        y = 3 + 0.8 * (x - x.mean()) / x.std() + 1.5 * rng.normal(size=12)[specimens] + 0.4 * rng.normal(size=48)
        slope, _ = mixed_slope(x, y, [str(n) for n in specimens])
        inside += slope.low <= 0.8 <= slope.high
        assert slope.high - slope.low < 0.5  # an interval that ignored the specimens would be wider
    assert inside >= 8


def test_what_cannot_be_correlated_has_a_reason():
    runs, rated = study(0)
    few = dict(list(rated.items())[:3])
    assert correlation("overall", few, "bone_dice", runs).spearman.reason.startswith("3 rated runs")
    found = correlation("overall", dict(list(rated.items())[:8]), "bone_dice", runs)
    assert found.spearman.defined
    assert found.slope.reason == "8 runs for a mixed model, expected at least 10"
    tied = dict.fromkeys(rated, 3.0)
    assert "are the same" in correlation("overall", tied, "bone_dice", runs).kendall.reason
    one = {name: Run(name, "only", run.metrics) for name, run in runs.items()}
    found = correlation("overall", rated, "bone_dice", one)
    assert found.spearman.defined
    assert found.slope.reason.startswith("1 specimens")
    missing = {name: Run(name, "a", {"m": None}) for name in runs}
    assert correlation("overall", rated, "m", missing).spearman.reason.startswith("0 rated runs")


def test_each_reader_counts_once_for_a_run():
    made = [
        Rating("A", "set-1", "001", "run", 1, {"overall": 2}),
        Rating("A", "set-1", "002", "run", 2, {"overall": 4}),
        Rating("B", "set-2", "001", "run", 1, {"overall": 5}),
        Rating("B", "set-2", "002", "other", 1, {}),
    ]
    assert mean_ratings(Ratings(tuple(made), None, ()), "overall") == {"run": 4.0}
