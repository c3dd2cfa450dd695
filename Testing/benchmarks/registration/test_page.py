"""The tables of the study of registration say what is stored."""

from __future__ import annotations

import json

import numpy as np
import pytest

from Testing.benchmarks.registration import hard, page, patients, study


def trial(*ends, start=5.0, verified=True):
    vertebrae = {
        f"L{n}": {"start": start, "end": end, "verified": verified, "edges": 0.5} for n, end in enumerate(ends, 1)
    }
    return {"vertebrae": vertebrae, "cpu_seconds": 4.0}


TRIALS = {
    "start/totalseg/bone/4/0": trial(0.1, 0.3),
    "start/totalseg/bone/4/1": trial(0.2, 3.0, start=9.5, verified=False),
    "start/totalseg/bone/4/2": trial(2.5, 0.2, start=9.6),
    "anywhere/totalseg/bone/4/0": trial(0.1, 1.5, start=None),
    "start/tcga/bone/4/1": trial(0.4, 0.6),
    "anywhere/tcga/bone/4/0": trial(1.2, 2.6, start=None, verified=False),
    "plain 3D/totalseg/bone/4/0": {"vertebrae": {"L1": {"start": 3.0, "end": 1.2}}, "cpu_seconds": 9.0},
    "hard: strong noise/totalseg/realistic/2/0": trial(0.4, 4.0, start=None, verified=False),
    "CT of tcga/totalseg/bone/4/0": {"swapped": {"L1": {"verified": True}, "L2": {"verified": False}}},
    "CT of tcga/totalseg/bone/2/0": {"refused": "mirrored"},
    "CT of totalseg/tcga/bone/2/0": {"swapped": {"L1": {"verified": False}}},
}


def test_errors_and_rates():
    text = page.text(TRIALS)
    assert "| bone |  4 | IXGS, from a start | 3 | 6 | 0.25 mm | 67 % | 67 % | 0 mm | 4.0 s |" in text
    assert "| bone |  4 | IXGS, without a start | 1 | 2 | 0.80 mm | 50 % | 100 % | anywhere | 4.0 s |" in text
    assert "| bone |  4 | SimpleITK in the volume, from a start | 1 | 1 | 1.20 mm | 0 % | 100 % |" in text


def test_other_patients_have_their_own_rows():
    row = "| another lumbar spine, points | bone | 4 | 4 | 0.90 mm | 50 % | 75 % | 2 |"
    assert row in page.text(TRIALS)


def test_verdicts_count_failures_that_are_verified_and_successes_that_are_not():
    text = page.text(TRIALS)
    assert "| own CT, bone | 12 | 3 | 1 (0.8 to 90.6 %) | 9 | 2 (2.8 to 60.0 %) |" in text
    assert "| hard: strong noise | 2 | 1 | 0 (0.0 to 97.5 %) | 1 | 1 (2.5 to 100.0 %) |" in text


def test_swapped_patients():
    text = page.swapped_text(TRIALS)
    assert "3 registrations of 2 pairs, 1 refused; of 3 vertebrae 1 (0.8 to 90.6 %) verified" in text


def edges(*distances):
    return {f"L{n}": {"edges": distance, "verified": True} for n, distance in enumerate(distances)}


def test_limits_are_tried_on_patients_that_they_were_not_chosen_from():
    own = {"start/totalseg/bone/4/0": 0.5, "start/tcga/bone/4/0": 2.2, "start/lidc/bone/4/0": 0.4}
    swapped = {
        f"CT of {a}/{b}/bone/4/0": 4.0 for a in ("totalseg", "tcga", "lidc") for b in ("totalseg", "tcga", "lidc")
    }
    assert page.left_out(own, swapped) == (1, 0)
    swapped["CT of tcga/lidc/bone/4/0"] = 1.0
    assert page.left_out(own, swapped)[1] == 1


def test_the_median_of_the_edges_counts():
    trials = {
        "start/totalseg/bone/4/0": {"vertebrae": edges(0.2, 0.9, 5.0)},
        "CT of tcga/totalseg/bone/4/0": {"swapped": edges(1.0, 3.0, None)},
        "hard: strong noise/totalseg/bone/4/0": {"vertebrae": edges(3.0)},
    }
    assert page.medians(trials) == ({"start/totalseg/bone/4/0": 0.9}, {"CT of tcga/totalseg/bone/4/0": 3.0})
    text = page.edges_text(trials)
    assert "up to 0.90 mm with line integrals of bone, with that of another patient 3.00 mm or more" in text


def starts(*pairs):
    return [{"start": start, "end": end} for start, end in pairs for _ in range(page.MIN_IN_BIN)]


def test_capture_ends_with_the_first_bin_that_fails():
    assert page.capture_text(starts((0.5, 0.1), (1.5, 0.1), (2.5, 9), (3.5, 0.1))) == "2 mm"
    assert page.capture_text(starts((0.5, 0.1), (1.5, 0.1))) == "at least 2 mm"
    assert page.capture_text(starts((0.5, 9), (1.5, 0.1))) == "0 mm"


def test_small_bins_are_joined_with_the_next():
    few = starts((2.5, 0.1))
    assert page.capture_text(few[1:]) == "too few starts"
    assert page.capture_text(few) == "at least 3 mm"
    assert page.capture_text([*few[:2], *starts((4.5, 0.1)), *few[:1], *starts((9.5, 8))]) == "5 mm"


def test_the_page_shows_the_store():
    store = json.loads(study.STORE.read_text())
    assert page.PAGE.read() == page.text(store["trials"])


def test_the_store_reads_back_what_was_written():
    assert json.loads(study.text_of({"trials": TRIALS})) == {"trials": TRIALS}


def test_a_plan_covers_every_case_from_its_first_round():
    names = [trial.name for trial in study.plan()]
    assert len(set(names)) == len(names)
    first = {trial.name for trial in study.plan() if trial.number == 0}
    assert {"start/totalseg/bone/2/0", "start/totalseg/realistic/25/0", "CT of lidc/tcga/realistic/4/0"} <= first
    assert {f"hard: {task}/totalseg/realistic/{views}/0" for task, views in hard.TASKS.items()} <= first


def test_starts_fill_the_distances_evenly(data):
    own = patients.patient("totalseg")
    shifts = [np.linalg.norm(study.start_of(n, own)[:3] @ [*own.middle, 1] - own.middle) for n in range(100)]
    counts, _ = np.histogram(shifts, np.arange(0, study.MAX_START_MM + 1, 4))
    assert counts.min() >= 16


@pytest.mark.parametrize("name", patients.BODIES)
def test_points_go_from_the_head_to_the_feet(name):
    heights = [point[2] for point in patients.BODIES[name].values()]
    assert all(np.diff(heights) < -15)
