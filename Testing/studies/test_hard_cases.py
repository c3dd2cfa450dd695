"""Hard cases are found, repaired one setting at a time, and their cause is the setting whose repair cures them."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.evaluation.trust import CARE, NO_SIGN
from IXGSLib.studies.backends import LocalProcesses
from IXGSLib.studies.execution import run_study
from IXGSLib.studies.folder import Records
from IXGSLib.studies.hard_cases import SEVERAL, alarms, cause_groups, is_flagged, is_hard, kinds_of, repairs, repairs_of
from IXGSLib.studies.identity import tasks
from IXGSLib.studies.plan import Analysis, Plan, Subject
from IXGSLib.studies.tables import alarms_table
from IXGSLib.studies.work import outcome, record_of


@pytest.fixture
def search(ct):
    """A plan whose runs fail by few views, by pose errors, or by both together."""
    return Plan(
        "Search",
        (Subject("one", ct=ct),),
        factors={"views": (5, 30), "pose_error": (0.0, 9.0), "dose": (1.0, 0.1)},
        repair={"views": 30, "pose_error": 0.0, "dose": 1.0},
    )


def judged(task, stopped):
    """A stand-in for a run whose quality is known."""
    views, error = task.condition["views"], task.condition["pose_error"]
    dice = 0.9 - 0.5 * (views < 10) - 0.45 * (error > 5)
    warnings = ["view 'a': a large line integral"]
    warnings += [f"the poses contradict each other by {error} mm"] if error > 5 else []
    trust = {"verdict": CARE if error > 5 else NO_SIGN, "reasons": [], "signs": {"views": views}}
    records = Records(Path(task.folder))
    metrics = {"bone_dice": dice, "bone_surface_distance": 1.0}
    records.write(record_of(task, status="done", metrics=metrics, trust=trust, warnings=warnings, seconds=0.0))
    return outcome(records.read(task.id))


@pytest.fixture
def found(search, tmp_path, reporter):
    """The records of the plan and of the repaired hard cases."""
    run_study(search, tmp_path / "out", reporter, LocalProcesses(work=judged))
    records = Records(tmp_path / "out")
    planned = [records.read(task.id) for task in tasks(search.runs(), tmp_path / "out")]
    repaired = [records.read(task.id) for task in tasks(repairs(search, planned), tmp_path / "out")]
    return planned, repaired


def test_the_cause_is_the_setting_whose_repair_cures(search, found):
    planned, repaired = found
    hard = [record for record in planned if is_hard(record, search.analysis)]
    assert len(hard) == 6
    groups = {name: [record["condition"] for record in group] for name, group in cause_groups(search, hard, repaired)}
    assert {name: len(group) for name, group in groups.items()} == {"views": 2, "pose_error": 2, SEVERAL: 2}
    assert all(values["views"] == 5 and values["pose_error"] == 0 for values in groups["views"])
    assert all(values["views"] == 5 and values["pose_error"] == 9 for values in groups[SEVERAL])


def test_settings_at_their_favourable_values_are_not_repaired(search, found):
    planned, _ = found
    for record in planned:
        before = record["condition"]
        after = [run.condition.as_dict() for run in repairs_of(search, record)]
        changes = [{name: each[name] for name in each if each[name] != before[name]} for each in after]
        assert changes == [{name: value} for name, value in search.repair.items() if before[name] != value]


def test_warnings_are_counted_for_hard_cases_and_others(search, found):
    planned, _ = found
    hard = [record for record in planned if is_hard(record, search.analysis)]
    others = [record for record in planned if not is_hard(record, search.analysis)]
    counts = {alarm.text: (alarm.flagged, alarm.false) for alarm in alarms(hard, others)}
    assert counts["the poses contradict each other by 9.0 mm"] == (4, 0)
    assert counts["a large line integral"] == (6, 2)
    first = alarms_table(hard, others).rows[0]
    assert list(first) == ["Verdict: review with care", "4 of 6 (67 %, 22 to 96 %)", "0 of 2 (0 %, 0 to 84 %)"]


def test_the_results_hold_both_stages(search, found, tmp_path):
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    stages = [row["stage"] for row in rows]
    assert stages.count("plan") == 8
    assert stages.count("repair") > 0
    html = (tmp_path / "out" / "study.html").read_text()
    assert "Several settings together" in html
    assert "4 of 6 (67 %, 22 to 96 %)" in html
    assert {(row["trust"], row["sign_views"]) for row in rows if row["stage"] == "plan"} == {
        (CARE, "5"),
        (CARE, "30"),
        (NO_SIGN, "5"),
        (NO_SIGN, "30"),
    }


def test_warnings_that_differ_in_views_and_numbers_are_of_one_kind():
    messages = ["view '003': 5 % is masked", "views 'a' and 'b': 5.5 to 7 % is masked", "view 002, 007: unlike others"]
    assert list(kinds_of(messages).values()) == ["5 % is masked", "5.5 to 7 % is masked", "unlike others"]
    assert set(kinds_of([messages[0]])) == set(kinds_of(["view 'x': 99 % is masked"]))


def test_a_volume_without_bone_is_a_hard_case_and_one_without_truth_is_none():
    limits = Analysis()
    assert is_hard({"metrics": {"bone_dice": 0.9, "bone_surface_distance": None}}, limits)
    assert is_hard({"metrics": {"bone_dice": 0.9, "bone_surface_distance": 3.5}}, limits)
    assert is_hard({"metrics": {"bone_dice": 0.9, "bone_surface_distance": 1.5}}, limits) is False
    assert is_hard({"metrics": {"fit_psnr": 30.0}}, limits) is None


def test_a_run_is_flagged_by_its_verdict_and_without_one_by_its_warnings():
    assert is_flagged({"trust": {"verdict": CARE}, "warnings": []})
    assert not is_flagged({"trust": {"verdict": NO_SIGN}, "warnings": ["the poses contradict each other"]})
    assert is_flagged({"warnings": ["the poses contradict each other"]})
    assert not is_flagged({"trust": None, "warnings": []})


def test_limits_out_of_range_are_refused(search):
    with pytest.raises(SettingsError, match=r"analysis.min_dice is 2, expected a number from 0 to 1"):
        replace(search, analysis=Analysis(min_dice=2))
