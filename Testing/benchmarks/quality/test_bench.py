"""The benchmark itself, on a phantom that takes almost no time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from Testing.benchmarks.quality import bench, cases, plots, tables
from Testing.benchmarks.quality.course import METRICS, climbed
from Testing.benchmarks.quality.methods import METHODS, Ours, Peer, shortened
from Testing.benchmarks.scene import Scene
from Testing.benchmarks.store import Store, measured_on, rounded

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RADIUS, DENSITY = 50.0, 0.02


@dataclass(frozen=True)
class Ball(Scene):
    """A ball in place of a CT."""

    def body(self) -> Volume:
        grid = Grid.centered(self.center, (200, 200, 200), 4.0)
        inside = np.linalg.norm(grid.points() - self.center, axis=-1) < RADIUS
        return Volume(np.where(inside, DENSITY, 0), grid)


BALL = Ball("ball", "none", (10.0, -20.0, 300.0), views=6, spacing=10.0, pixels=24)


@pytest.fixture(scope="module")
def rtk():
    itk = pytest.importorskip("itk")
    if not hasattr(itk, "RTK"):
        pytest.skip("needs itk-rtk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def ball(rtk, folder):
    return cases.load(BALL, 4, folder)


def test_truth_and_x_rays_hold_the_same_ball(ball):
    mass = ball.truth.values.sum() * ball.truth.grid.voxel_volume
    assert mass == pytest.approx(DENSITY * 4 / 3 * np.pi * RADIUS**3, rel=0.03)
    middle = ball.unseen_images[:, 11:13, 11:13].mean()
    assert middle == pytest.approx(DENSITY * 2 * RADIUS, rel=0.05)


def test_x_rays_of_the_whole_body_are_those_of_the_region_when_nothing_lies_around_it(ball, folder):
    whole = cases.load(replace(BALL, whole=True), 4, folder)
    np.testing.assert_allclose(whole.unseen_images, ball.unseen_images, atol=0.03 * ball.unseen_images.max())


def test_x_rays_are_made_once_and_fewer_views_are_the_first(ball, folder, monkeypatch):
    monkeypatch.setattr(cases, "_make", None)
    fewer = cases.load(BALL, 2, folder)
    np.testing.assert_array_equal(fewer.images, ball.images[:2])
    assert [view.id for view in fewer.views] == [view.id for view in ball.views[:2]]


@pytest.mark.parametrize("name", ["sart", "cg", "fista-tv"])
def test_a_peer_improves_with_every_iteration(ball, name):
    from Testing.benchmarks.quality.measure import peer

    method = METHODS[name]
    assert isinstance(method, Peer)
    run = peer(replace(method, iterations=3, ladder=method.ladder[-2:], trial=1), ball)
    quality = [psnr for _, psnr in run["curve"]]
    assert len(quality) == 3
    assert quality == sorted(quality)
    assert run["iteration"] == 3
    assert {"parameter", "seconds", "memory", *METRICS} <= set(run)


def test_fdk_finds_the_density_from_a_full_circle(rtk, folder):
    from Testing.benchmarks.quality import peers

    circle = cases.load(replace(BALL, circle=True, views=40), 40, folder)
    found = next(peers.fdk(peers.Problem(circle.images, circle.views, circle.truth.grid)))
    inside = circle.truth.values > 0.99 * DENSITY
    assert found[inside].mean() == pytest.approx(DENSITY, rel=0.1)
    assert abs(found[~(circle.truth.values > 0)].mean()) < 0.1 * DENSITY


def test_ixgs_is_measured(ball):
    from Testing.benchmarks.quality.measure import ours

    method = METHODS["preview"]
    assert isinstance(method, Ours)
    run = ours(shortened(method.settings(0, 30), 20).updated({"cloud.gaussians": 500}), ball)
    assert run["volume_psnr"] > 10
    assert {"seconds", "memory", *METRICS} <= set(run)


def test_the_search_climbs_to_the_best_parameter():
    class Stub:
        def __init__(self, parameter):
            self.best_psnr = -abs(parameter - 3)

        def run(self, count):
            return self

    for ladder in ([1, 2, 3], [3, 4, 5], [1, 3, 9, 10, 11, 12], [3]):
        assert climbed(Stub, ladder, 1)[0] == 3


def test_a_run_takes_the_place_of_an_earlier_one_and_survives_in_the_file(tmp_path):
    store = Store(tmp_path / "bench.json")
    for psnr in (20.123456, 30.123456):
        store.add({"case": "a", "method": "b", "seed": 0, "volume_psnr": psnr, "curve": [(1.0, psnr)]})
    store.add({"case": "a", "method": "b", "seed": 1})
    read = Store(store.file)
    assert read.content == store.content
    assert [run["seed"] for run in read.runs] == [0, 1]
    assert read.runs[0]["curve"] == [[1.0, 30.12]]
    assert read.has("a", "b", 1)
    assert not read.has("a", "b", 2)


def test_the_runs_of_a_case_are_of_one_machine(tmp_path):
    store = Store(tmp_path / "bench.json")
    store.add({"case": "a", "method": "b", "seed": 0})
    store.check_machine([("a", "c", 0)])
    store.runs[0]["machine"] = "another"
    store.check_machine([("b", "c", 0)])
    store.check_machine([("a", "b", 0), ("a", "c", 0)])
    with pytest.raises(SystemExit, match="a/b/0 from another"):
        store.check_machine([("a", "c", 0)])


def test_the_tables_name_every_machine_and_the_days():
    runs = [stored("standard", 0, 30.0), stored("fine", 0, 31.0, machine="another", date="2030-01-03")]
    assert measured_on(runs) == "a machine and another; 2030-01-01 to 2030-01-03"
    assert measured_on(runs[:1]) == "a machine; 2030-01-01"


def test_numbers_keep_four_digits():
    assert rounded({"a": [0.123456, 12345.6, None, 7]}) == {"a": [0.1235, 12350.0, None, 7]}


def stored(method, seed, psnr, **more):
    metrics = dict.fromkeys(METRICS, 0.5) | {"volume_psnr": psnr, "view_ssim": None}
    costs = {"seconds": 3.0, "cpu_seconds": 6.0, "memory": 1500.0, "memory_before": 1400.0}
    origin = {"commit": "abc", "machine": "a machine", "date": "2030-01-01"}
    return {"case": "lumbar-10", "method": method, "seed": seed} | metrics | costs | origin | more


def peer_run(method, psnr):
    course = {"best": {"volume_psnr": [psnr, 2]}, "curve": [[1, 9], [2, psnr]]}
    return stored(method, 0, psnr, parameter=0.3, iteration=2, **course)


CONTENT = {
    "versions": {"Python": "3"},
    "runs": [peer_run("sart", 20.0), peer_run("fista-tv", 25.0)]
    + [stored("standard", seed, psnr) for seed, psnr in enumerate((26.0, 31.0, 27.0))],
}


def test_the_page_shows_the_best_peer_and_medians_over_seeds():
    table = tables.cases_table(CONTENT)
    assert "| lumbar | 10 | RTK FISTA-TV, weight 0.3, iteration 2 | 3.0 s | 0.10 GB | 25.0 dB |" in table
    assert "| lumbar | 10 | IXGS standard, 3 seeds | 3.0 s | 0.10 GB | 27.0 dB |" in table
    assert "SART" not in table
    assert "RTK SART" in tables.results(CONTENT)


def test_pictures_are_small(tmp_path):
    plots.draw(CONTENT, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["quality_time.png", "quality_views.png"]
    assert all(5e3 < file.stat().st_size < 1e5 for file in tmp_path.iterdir())


def test_every_planned_run_has_a_case_and_a_method():
    runs = list(bench.plan(2))
    assert len(set(runs)) == len(runs)
    assert all(case in cases.CASES and method in METHODS for case, method, _ in runs)
