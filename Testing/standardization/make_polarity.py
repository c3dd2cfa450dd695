"""Fit the weights of IXGSLib/standardization/polarity.py: python -m Testing.standardization.make_polarity PAIRS.

Prints how many pictures of each patient are recognised by the others' weights, then the weights of all.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from IXGSLib.standardization.polarity import features
from IXGSLib.training.pair_format import open_pairs, patient_of

PENALTY = 0.01
"""Of squared weights of features of unit deviation, against the mean logistic loss."""


def fitted(values):
    """(features,) weights without a constant, since a negative has the negative features."""
    deviation = values.std(axis=0)
    scaled = values / deviation

    def loss(weights):
        odds = scaled @ weights
        slope = -scaled.T @ (1 / (1 + np.exp(odds))) / len(values)
        return np.logaddexp(0, -odds).mean() + PENALTY * weights @ weights, slope + 2 * PENALTY * weights

    return minimize(loss, np.zeros(values.shape[1]), jac=True).x / deviation


def main(folder):
    pairs = open_pairs(Path(folder))
    loaded = (pairs.load(name) for name in pairs.names)
    values = np.array([features(pair.picture, pair.field) for pair in loaded])
    patients = np.array([patient_of(name) for name in pairs.names])
    for patient in pairs.patients:
        odds = values[patients == patient] @ fitted(values[patients != patient])
        right, sure, deceived = (100 * np.mean(part) for part in (odds > 0, odds > 2, odds < -2))
        print(f"{patient}: {right:.1f} % of {len(odds)}, {sure:.1f} % above 2, {deceived:.1f} % below -2")
    print("WEIGHTS =", tuple(float(f"{weight:.4g}") for weight in fitted(values)))


if __name__ == "__main__":
    main(sys.argv[1])
