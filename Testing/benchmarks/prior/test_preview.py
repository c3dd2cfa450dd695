"""The study of a few X-rays: its score and its table."""

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from Testing.benchmarks.prior import preview
from Testing.benchmarks.store import Store


def test_f1_counts_points_within_the_tolerance():
    line = np.stack([np.arange(10.0), np.zeros(10), np.zeros(10)], axis=1)
    assert preview.f1(line, line, 0.5) == pytest.approx(1)
    beside = line + (0, 1.5, 0)
    assert preview.f1(beside, line, 1.0) == 0
    assert preview.f1(beside, line, 2.0) == pytest.approx(1)
    half = line.copy()
    half[5:, 1] = 9.0
    assert preview.f1(half, line, 0.5) == pytest.approx(0.5)


def test_the_truth_scores_best():
    grid = Grid.centered((0.0, 0.0, 0.0), np.full(3, 40.0), 2.0)
    distance = np.sqrt((grid.points() ** 2).sum(axis=-1))
    truth, larger = (Volume(np.where(distance < radius, 0.03, 0).astype(np.float32), grid) for radius in (12.0, 15.0))
    assert preview.scores(truth, truth)["f1_1"] == pytest.approx(1)
    assert preview.scores(larger, truth)["f1_2"] < 0.2
    empty = Volume(np.zeros(grid.shape, np.float32), grid)
    found = preview.scores(empty, truth)
    assert found["f1_2"] == 0
    assert found["best_surface_distance"] is None


def test_the_table_holds_means_over_the_exposures():
    def run(name, value):
        about = {"method": "learnt", "machine": "a machine", "date": "2030-01-01"}
        return about | {"case": f"{name}-3"} | dict.fromkeys(preview.COLUMNS, value)

    text = preview.page_part({"runs": [run("lumbar", 0.2), run("thoracic-again", 0.4)]})
    assert "| 3 | learnt prior alone | 0.30 | 0.30 | 0.30 mm | 0.300 |" in text
    assert "reconstruction without it" not in text


@pytest.mark.skipif(not preview.STORE.exists(), reason="nothing has been measured yet")
def test_the_page_shows_what_is_stored():
    assert preview.PART.read() == preview.page_part(Store(preview.STORE).content)
