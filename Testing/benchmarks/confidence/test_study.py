"""The fit, its scores and the page that shows them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from IXGSLib.evaluation.confidence.calibration import Calibration, Kind, calibrations_from, logarithm
from Testing.benchmarks.confidence import page, scores, study
from Testing.benchmarks.confidence.fitting import MIN_WEIGHTS, NAMES, Samples, fitted
from Testing.benchmarks.confidence.trials import BY_NETWORK, CONDITIONS, LEFT_OUT, PATIENTS, planned

TRUE = Calibration(
    -2.0, {"coverage": 0.4, "fine": 0.5, "coarse": 0.1, "value": 0.2, "slope": 0.6, "near": 0.2}, 0, 1, 1
)


def drawn(seed: int, count: int = 30_000) -> Samples:
    """Voxels whose errors follow TRUE."""
    random = np.random.default_rng(seed)
    ranges = {"coverage": (1, 12), "fine": (0.01, 0.2), "coarse": (0.01, 0.2)}
    evidence = {name: random.uniform(*ranges.get(name, (0.0001, 0.02)), count).astype(np.float32) for name in NAMES}
    evidence["seen"] = np.full(count, 5, np.float32)
    expected = np.exp(TRUE.intercept + sum(w * logarithm(n, evidence[n]) for n, w in TRUE.weights.items()))
    values = random.uniform(0, 0.03, count)
    truth = values + expected * random.exponential(1, count) * random.choice([-1, 1], count)
    return Samples(evidence, values, truth, 0.0115, 0.0115)


def test_a_fit_finds_the_model_and_states_what_happens():
    found, other = fitted([drawn(0)]), drawn(1)
    assert found.weights == pytest.approx(TRUE.weights, abs=0.05)
    error, confidence = other.stated(found)
    assert error.mean() == pytest.approx(other.error.mean(), rel=0.03)
    assert scores.error_ratio(error, other.error) < 1.1
    assert scores.expected_calibration_error(confidence, other.right) < 0.03


def test_no_weight_is_below_its_least():
    """Even where more coverage goes with larger errors."""
    samples = drawn(0)
    reversed_ = replace(samples, evidence={**samples.evidence, "coverage": 13 - samples.evidence["coverage"]})
    found = fitted([reversed_])
    assert found.weights["coverage"] == pytest.approx(MIN_WEIGHTS["coverage"])
    assert all(weight >= MIN_WEIGHTS.get(name, 0) - 1e-9 for name, weight in found.weights.items())
    assert min(found.above, found.below) >= 0


def test_scores_of_honest_and_dishonest_statements():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 50_000)
    right = random.random(50_000) < confidence
    assert scores.expected_calibration_error(confidence, right) < 0.01
    assert scores.expected_calibration_error(np.full(50_000, 0.95), right) == pytest.approx(0.2, abs=0.01)
    stated = random.uniform(0.001, 0.01, 50_000)
    actual = stated * random.exponential(1, 50_000)
    assert scores.error_ratio(stated, actual) < 1.1
    assert scores.error_ratio(2 * stated, actual) == pytest.approx(2, rel=0.1)


def test_sparsification_of_a_constant_is_one_and_the_error_ranks_best():
    actual = np.random.default_rng(0).exponential(1, 20_000)
    constant, best = scores.sparsification(np.zeros(20_000), actual), scores.sparsification(actual, actual)
    noisy = scores.sparsification(actual + np.random.default_rng(1).normal(0, 1, 20_000), actual)
    assert constant == pytest.approx(1, abs=0.05)
    assert best < noisy < constant


def test_curves_hold_every_voxel_once():
    random = np.random.default_rng(0)
    confidence, error = random.random(1000), random.random(1000)
    for curve in (scores.confidence_curve(confidence, error > 0.5), scores.error_curve(error, error)):
        assert sum(share for _, _, share in curve) == pytest.approx(1)


def test_networks_are_measured_on_patients_left_out_of_their_training():
    trials = [trial for trial in planned() if trial.kind in BY_NETWORK]
    assert {trial.patient for trial in trials} == set(LEFT_OUT)
    assert {trial.kind for trial in trials} == set(BY_NETWORK)


def test_the_doubt_of_a_prior_counts_where_there_is_one():
    assert [kind for kind in get_args(Kind) if "doubt" in study.names_of(kind)] == ["learnt"]
    calm, doubtful = drawn(0), drawn(1)
    calm.evidence["doubt"] = np.full(calm.values.shape, 0.001, np.float32)
    doubtful.evidence["doubt"] = np.full(calm.values.shape, 0.01, np.float32)
    worse = replace(doubtful, truth=doubtful.values + 3 * (doubtful.truth - doubtful.values))
    found = fitted([calm, worse], study.names_of("learnt"))
    assert found.weights["doubt"] == pytest.approx(np.log(3) / np.log(0.0105 / 0.0015), rel=0.2)


def test_every_kind_and_every_patient_is_planned_once():
    trials = list(planned())
    assert len(set(trials)) == len(trials)
    assert set(CONDITIONS) == set(get_args(Kind))
    assert {trial.patient for trial in trials} == set(PATIENTS)


def test_the_page_shows_the_stored_results():
    content = json.loads(study.STORE.read_text(encoding="utf-8"))
    assert page.TABLE.read() == page.score_table(content)
    assert page.PATIENTS.read() == page.patient_table(content)
    assert page.EVIDENCE.read() == page.evidence_table(content)
    assert page.PICTURE.exists()


def test_the_shipped_calibrations_are_those_of_the_study():
    content = json.loads(study.STORE.read_text(encoding="utf-8"))
    shipped = json.loads(study.CALIBRATIONS.read_text(encoding="utf-8"))
    assert shipped["calibrations"] == content["calibrations"]
    assert set(calibrations_from(shipped)) == set(get_args(Kind))
