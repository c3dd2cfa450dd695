"""The page of the study says what is stored."""

from __future__ import annotations

import pytest
from PIL import Image

from Testing.benchmarks.poses import refinement_page


def trial(projection: float, verified: bool = True) -> dict:
    end = {"rotation": 0.4, "shift": 0.1, "beam": 0.9, "projection": projection, "worst": 2 * projection}
    return {"end": end, "verified": verified, "cpu_seconds": 12.0}


STORE = {
    "trials": {
        "lumbar/line integrals/3-10/0": trial(0.3),
        "lumbar/line integrals/3-10/1": trial(4.0, verified=False),
        "thoracic/line integrals/5-20/0": trial(5.0),
        "thoracic/standardised/3-10/0": trial(0.8, verified=False),
    },
    "volumes": {
        "lumbar/refined": {
            "volume_psnr": 36.4,
            "bone_dice": 0.97,
            "bone_surface_distance": 0.22,
            "cpu_seconds": 80.0,
            "end": {"rotation": 0.06, "shift": 0.01},
        }
    },
}


@pytest.fixture
def rows():
    return refinement_page.by_kind_and_level(STORE["trials"])


def test_trials_are_counted_by_kind_and_level(rows):
    text = refinement_page.trials_text(rows)
    assert "| line integrals | 3°, 10 mm | 1 of 2 | 3 % | 0.40° | 0.10 mm | 0.90 mm | 1 of 1, 0 of 1 | 12 s |" in text
    assert "| line integrals | 5°, 20 mm | 0 of 1 | 0 % | 0.40° | 0.10 mm | 0.90 mm | 0 of 0, 1 of 1 | 12 s |" in text
    assert "| standardised | 3°, 10 mm | 1 of 1 | 5 % | 0.40° | 0.10 mm | 0.90 mm | 0 of 1, 0 of 0 | 12 s |" in text


def test_successes_are_listed_by_patient(rows):
    text = refinement_page.by_patient(rows)
    assert "Line integrals: lumbar 1 of 2; standardised: thoracic 1 of 1." in text


def test_the_bound_of_a_rate_is_exact():
    assert refinement_page.lower_bound(59, 59) == pytest.approx(0.05 ** (1 / 59))
    assert refinement_page.lower_bound(59, 59) > 0.95 > refinement_page.lower_bound(58, 58)


def test_volumes_are_listed_by_origin_of_the_poses():
    text = refinement_page.volumes_text(STORE["volumes"])
    assert "| lumbar | wrong poses, refined | 36.40 dB | 0.970 | 0.22 mm | 0.06° | 0.01 mm | 80 s |" in text


def test_the_picture_is_drawn(rows, tmp_path):
    refinement_page.draw(rows, tmp_path / "success.png")
    assert Image.open(tmp_path / "success.png").size == (990, 374)
