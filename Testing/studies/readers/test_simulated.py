"""A whole study with simulated ratings: the known answer is found, and every output says that they are simulated."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from IXGSLib.cli import main
from IXGSLib.errors import IXGSError, SettingsError
from IXGSLib.studies.readers.analysis import analyse, write_analysis
from IXGSLib.studies.readers.key import Key, Run
from IXGSLib.studies.readers.ratings import Rating, Ratings
from IXGSLib.studies.readers.simulation import (
    RatingModel,
    known_agreement,
    quality_of,
    simulate_ratings,
    simulated_answers,
)

pytest.importorskip("statsmodels")


def key_of(runs=40, specimens=10, readers=3):
    """A key without files: PSNR follows the surface distance loosely."""
    rng = np.random.default_rng(7)
    names = [f"run{n:02d}" for n in range(runs)]
    quality = rng.normal(size=runs)
    made = {
        name: Run(
            name,
            f"specimen{n % specimens}",
            {
                "bone_surface_distance": float(2 - 0.3 * quality[n]),
                "volume_psnr": float(30 + quality[n] + 1.5 * rng.normal()),
                "volume_ssim": float(0.9 + 0.01 * quality[n] + 0.02 * rng.normal()),
            },
        )
        for n, name in enumerate(names)
    }
    order = [*names, *names[: runs // 4]]
    sets = {f"set-{k}": {f"{n:03d}": name for n, name in enumerate(order, 1)} for k in range(1, readers + 1)}
    return Key(made, sets, 0)


def ratings_of(key, model):
    """The ratings that `simulate_ratings` would write."""
    quality, names, found = quality_of(key, model), list(key.runs), []
    for place, (set_name, numbers) in enumerate(key.sets.items()):
        indices = [names.index(run) for run in numbers.values()]
        answers = simulated_answers(quality[indices], indices, model, place)
        seen: set[str] = set()
        for (number, run), given in zip(numbers.items(), answers, strict=True):
            showing = 2 if run in seen else 1
            seen.add(run)
            found.append(Rating(f"SIMULATED-{place + 1}", set_name, number, run, showing, {"overall": int(given[0])}))
    return Ratings(tuple(found), vars(model), ())


def test_known_agreement_and_the_metric_that_readers_follow_are_found_across_seeds():
    key, inter, intra, best, better = key_of(), 0, 0, 0, 0
    for seed in range(6):
        model = RatingModel(seed=seed)
        known = known_agreement(quality_of(key, model), model, readers=60)
        found = analyse(ratings_of(key, model), key, seed)
        overall = found.agreements[0]
        inter += overall.inter_icc.low <= known.inter <= overall.inter_icc.high
        intra += overall.intra_icc.low <= known.intra <= overall.intra_icc.high
        ordered = sorted(found.correlations, key=lambda each: -each.spearman.value)
        best += ordered[0].metric == "bone_surface_distance"
        better += found.better["overall"] == ["bone_surface_distance"]
    assert inter >= 5
    assert intra >= 4
    assert best == 6
    assert better >= 4


def test_more_noise_means_less_agreement():
    quality = quality_of(key_of(), RatingModel())
    quiet = known_agreement(quality, RatingModel(reader=0.0, reading=0.1, occasion=0.1), 40)
    loud = known_agreement(quality, RatingModel(reader=0.5, reading=1.0, occasion=0.1), 40)
    assert quiet.inter > 0.85 > 0.5 > loud.inter
    assert loud.intra > loud.inter


def test_a_study_from_runs_to_the_page_on_the_command_line(runs, tmp_path, capsys):
    words = ["study", "readers"]
    sets, key, out = tmp_path / "sets", tmp_path / "key.json", tmp_path / "out"
    assert main([*words, "make", *map(str, runs), "--out", str(sets), "--key", str(key), "--repeats", "0.5"]) == 0
    assert main([*words, "simulate", str(sets), "--key", str(key), "--seed", "4"]) == 0
    assert main([*words, "analyse", str(sets), "--key", str(key), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "SIMULATED ratings, not those of readers" in printed.out
    assert "Mean distance" not in printed.out
    assert "no metric is compared with volume_ssim" in printed.err
    page = (out / "readers.html").read_text()
    assert "<title>Reader study with SIMULATED ratings</title>" in page
    titles = [part.split("</h2>")[0] for part in page.split("<h2>")[1:]]
    assert all(title.endswith("(simulated ratings)") for title in titles if title != "Method")
    assert "http" not in page.replace("http-equiv", "")
    assert json.loads((out / "readers.json").read_text())["simulated"]["metric"] == "bone_surface_distance"
    rows = list(csv.DictReader((out / "ratings.csv").open()))
    assert {row["simulated"] for row in rows} == {"yes"}
    assert {row["reader"] for row in rows} == {"SIMULATED-1", "SIMULATED-2"}
    assert len(rows) == 2 * 18


def test_ratings_of_readers_are_not_called_simulated(tmp_path):
    key = key_of()
    real = ratings_of(key, RatingModel())
    found = analyse(Ratings(real.ratings, None, real.notes), key)
    write_analysis(found, tmp_path / "out")
    page = (tmp_path / "out" / "readers.html").read_text()
    assert "<title>Reader study</title>" in page
    assert "simulated ratings" not in page
    assert "Known answer" not in page


def test_one_reader_is_analysed_without_agreement_between_readers(tmp_path):
    key = key_of(readers=1)
    found = analyse(ratings_of(key, RatingModel()), key)
    assert not found.agreements[0].inter_icc.defined
    assert found.agreements[0].intra_icc.defined
    write_analysis(found, tmp_path / "out")
    assert "1 reader answered, expected at least 2" in (tmp_path / "out" / "readers.html").read_text()


def test_ratings_are_not_simulated_over_others(runs, tmp_path):
    words = [
        "study",
        "readers",
        "make",
        *map(str, runs),
        "--out",
        str(tmp_path / "sets"),
        "--key",
        str(tmp_path / "key"),
    ]
    assert main(words) == 0
    key = Key.load(tmp_path / "key")
    simulate_ratings(tmp_path / "sets", key, RatingModel())
    with pytest.raises(IXGSError, match="has a rating already"):
        simulate_ratings(tmp_path / "sets", key, RatingModel())


def test_models_without_a_metric_are_refused(tmp_path):
    with pytest.raises(IXGSError, match="have no metric 'gmsd', expected it for each; choose one of bone_surface"):
        simulate_ratings(tmp_path, key_of(), RatingModel(metric="gmsd"))
    with pytest.raises(SettingsError, match="occasion"):
        RatingModel(occasion=-1.0)


def test_without_statsmodels_the_cure_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    key = key_of()
    with pytest.raises(IXGSError, match=r"pip install 'IXGSLib\[readers\]'"):
        analyse(ratings_of(key, RatingModel()), key)
