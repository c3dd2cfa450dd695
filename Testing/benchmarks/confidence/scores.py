"""How honest and how useful stated errors and confidence are, on voxels whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from IXGSLib.geometry.rigid import Array

BINS = 10
NEAR = 0.003
"""Mean attenuation of the neighbourhood in 1/mm from which a voxel counts as bone or near to it."""


def error_curve(stated: Array, actual: Array) -> list[list[float]]:
    """[mean stated, mean actual, share of voxels] in BINS bins of the same share of all stated error."""
    order = np.argsort(stated)
    share = np.cumsum(stated[order]) / stated.sum()
    edges = np.searchsorted(share, np.arange(1, BINS) / BINS)
    return [
        [float(stated[part].mean()), float(actual[part].mean()), len(part) / len(stated)]
        for part in np.split(order, edges)
        if len(part)
    ]


def error_ratio(stated: Array, actual: Array) -> float:
    """Mean over the bins of `error_curve` of the factor by which stated and actual error differ, at least 1."""
    return float(np.mean([max(a / b, b / a) for a, b, _ in error_curve(stated, np.maximum(actual, 1e-9))]))


def confidence_curve(stated: Array, right: np.ndarray) -> list[list[float]]:
    """[mean stated, frequency, share of voxels] in BINS bins of equal width from 0 to 1; empty ones are left out."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    inside = [place == n for n in range(BINS)]
    return [
        [float(stated[part].mean()), float(right[part].mean()), float(part.mean())] for part in inside if part.any()
    ]


def expected_calibration_error(stated: Array, right: np.ndarray) -> float:
    """Mean difference of stated confidence and frequency over the bins, weighted by their voxels."""
    return float(sum(share * abs(a - b) for a, b, share in confidence_curve(stated, right)))


def sparsification(ranking: Array, actual: Array, steps: int = 50) -> float:
    """Area under the mean error of what is left when voxels of largest `ranking` are removed, over the mean of all.

    1 for a ranking that knows nothing, lower is better. E. Ilg et al., Uncertainty estimates and multi-hypotheses
    networks for optical flow, ECCV 2018.
    """
    noise = np.random.default_rng(0).random(len(ranking))  # equal voxels are removed in random order
    sums = np.cumsum(actual[np.lexsort((noise, ranking))])
    kept = np.maximum(1, np.linspace(1, 0, steps, endpoint=False) * len(actual)).astype(int)
    return float(np.mean(sums[kept - 1] / kept) / actual.mean())


def scores(stated: Array, confidence: Array, actual: Array, right: np.ndarray, coverage: Array) -> dict[str, Any]:
    """All scores of voxels: stated and actual errors, confidence, whether labels are right, coverage."""
    return {
        "voxels": len(stated),
        "mean_stated": float(stated.mean()),
        "mean_actual": float(actual.mean()),
        "error_ratio": error_ratio(stated, actual),
        "mean_confidence": float(confidence.mean()),
        "right": float(right.mean()),
        "calibration_error": expected_calibration_error(confidence, right),
        "sparsification": sparsification(stated, actual),
        "sparsification_coverage": sparsification(-coverage, actual),
        "sparsification_best": sparsification(actual, actual),
        "error_curve": error_curve(stated, actual),
        "confidence_curve": confidence_curve(confidence, right),
    }
