"""The limits of verdicts are chosen on other patients, and the shares count what they flag."""

import json

import pytest

from IXGSLib.evaluation.trust import LIMITS
from IXGSLib.studies.plan import Analysis
from Testing.benchmarks.studies import hard, publish, trust
from Testing.evaluation.test_trust import GOOD


def record(patient, dice=0.9, distance=1.0, **signs):
    metrics = {"bone_dice": dice, "bone_surface_distance": distance}
    found = {"verdict": "", "reasons": [], "signs": {**GOOD.as_dict(), **signs}}
    return {"status": "done", "patient": patient, "metrics": metrics, "trust": found}


class Planned:
    analysis = Analysis()


def some(*records):
    return trust.runs(Planned, records)


def test_a_limit_lies_in_the_middle_between_failures_and_others():
    good = [record(patient, disagreement=d) for patient in "abc" for d in (0.2, 0.5)]
    bad = [record(patient, dice=0.1, disagreement=d) for patient in "abc" for d in (0.6, 0.9)]
    limits = {(limit.sign, limit.synthetic): limit.value for limit in trust.chosen(some(*good, *bad))}
    assert limits["disagreement", False] == pytest.approx(0.55)
    table = trust.verdicts_table(some(*good, *bad))
    assert [row[1:] for row in table.rows[1:3]] == [["6 of 6 (100 %, 54 to 100 %)", "0 of 6 (0 %, 0 to 46 %)"]] * 2
    assert [row[1:] for row in table.rows[3:]] == [["–", "–"]] * 2


def test_the_judged_patient_has_no_part_in_the_limits():
    """Good runs of patient c disagree by more than failures of the others: only limits without c flag them."""
    others = [record(patient, dice=dice, disagreement=d) for patient in "ab" for dice, d in ((0.9, 0.2), (0.1, 0.6))]
    found = some(*others, *[record("c", disagreement=0.7)] * 5, record("c", dice=0.1, disagreement=0.9))
    assert trust.left_out(found) == [False] * 4 + [True] * 6
    limits = trust.chosen(found)
    assert [trust.flagged(run, limits) for run in found if run.patient == "c"] == [False] * 5 + [True]


def test_runs_without_a_truth_or_without_signs_do_not_count():
    without = {**record("a"), "trust": None}
    failed = {**record("a"), "status": "failed"}
    unknown = {**record("a"), "metrics": {"fit_psnr": 30.0}}
    assert len(some(record("a"), without, failed, unknown)) == 1


def test_runs_near_the_border_are_not_clear():
    found = some(
        record("a"),
        record("a", dice=0.55),
        record("a", distance=3.2),
        record("a", distance=5.0),
        record("a", None, None),
    )
    assert [run.clear for run in found] == [True, False, False, True, True]
    assert [run.hard for run in found] == [False, False, True, True, True]


def test_the_limits_of_the_library_are_those_chosen_on_all_patients():
    content = json.loads((publish.RESULTS / f"{hard.NAME}.json").read_text(encoding="utf-8"))
    found = trust.runs(hard.described(), [*content["records"], *content["repaired"]])
    assert len(found) >= 24
    for ours, best in zip(LIMITS, trust.chosen(found), strict=True):
        assert ours.value == pytest.approx(best.value, abs=0.03)
