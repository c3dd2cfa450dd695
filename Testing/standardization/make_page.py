"""Draws Resources/Screenshots/standardized_xrays.png: real X-rays above their standardised views.

It needs the X-rays in the data folder beside the checkout, of which it shows only what may enter the project, with its
credit in CREDIT.txt: python Testing/standardization/make_page.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from IXGSLib.resources import shipped_weights
from IXGSLib.standardization.network import load_network
from Testing.simulation.make_page import PAIRS, SCREENSHOTS, draw, shown

SPINES = 4
"""Of the real X-rays, how many show a spine; they come first."""
WHITE = 99.7
"""Percentile of the line integrals that is shown white."""


def main() -> None:
    weights = shipped_weights()
    assert weights is not None, "no weights come with this checkout"
    network = load_network(weights)
    above, below = [], []
    for real, _ in PAIRS[:SPINES]:
        picture = shown(real).astype(np.float32)
        made = network.apply(picture)
        above.append((picture, f"Real: {real.caption}"))
        below.append(
            (
                made / np.percentile(made, WHITE),
                f"standardised, in-distribution score {network.distribution_score(picture):.2f}",
            )
        )
    draw(above, below, SCREENSHOTS / "standardized_xrays.png")


if __name__ == "__main__":
    main()
