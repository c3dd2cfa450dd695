"""A plan becomes runs; one that cannot be carried out is refused with the cure."""

from dataclasses import replace

import pytest

from IXGSLib.errors import FormatError, SettingsError
from IXGSLib.simulation import SimulationSettings
from IXGSLib.studies.c_arms import MODELS, CArmModel
from IXGSLib.studies.condition import Condition
from IXGSLib.studies.plan import Draws, Plan, Subject
from IXGSLib.studies.plan_files import find_plan, read_plan, ready_plans, subjects_from

TOML = """
name = "Toy"
[[subjects]]
name = "one"
ct = "ct.nrrd"
center = [1.0, 2.0, 3.0]
[settings]
preset = "preview"
"cloud.gaussians" = 100
[factors]
views = [5, 10]
standardization = ["raw", "classical"]
[[conditions]]
dose = 0.5
[[conditions]]
c_arm = "mine"
[c_arms.mine.imaging]
kvp = 70.0
window = [2.0, 98.0]
[c_arms.mine.arm]
detector_pixels = [64, 64]
[analysis]
curve = "views"
compare = "standardization"
[small.factors]
views = [5]
standardization = ["raw"]
"""
YAML = """
name: Toy
subjects:
  - {name: one, ct: ct.nrrd, center: [1.0, 2.0, 3.0]}
settings: {preset: preview, cloud.gaussians: 100}
factors:
  views: [5, 10]
  standardization: [raw, classical]
conditions:
  - dose: 0.5
  - c_arm: mine
c_arms:
  mine:
    imaging: {kvp: 70.0, window: [2.0, 98.0]}
    arm: {detector_pixels: [64, 64]}
analysis: {curve: views, compare: standardization}
small:
  factors: {views: [5], standardization: [raw]}
"""


@pytest.fixture
def written(ct, tmp_path):
    def write(text, name="plan.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_factors_are_multiplied_with_listed_combinations(written):
    plan = read_plan(written(TOML))
    runs = plan.runs()
    assert len(runs) == 2 * 2 * 2
    assert len({run.condition for run in runs}) == 8
    assert {(run.condition.dose, run.condition.c_arm) for run in runs} == {(0.5, "standard"), (1.0, "mine")}
    mine = next(run for run in runs if run.condition.c_arm == "mine")
    assert mine.c_arm.imaging.kvp == 70
    assert mine.c_arm.arm.detector_pixels == (64, 64)
    assert dict(mine.condition.reconstruction) == {"cloud.gaussians": 100}
    assert plan.varied == ("views", "standardization", "dose", "c_arm")


def test_yaml_and_toml_say_the_same(written):
    assert read_plan(written(TOML)) == read_plan(written(YAML, "plan.yaml"))


def test_the_small_version_replaces_factors_and_merges_settings(written):
    plan = read_plan(written(TOML.replace("[small.factors]", "[small.settings]\nspan = 90.0\n[small.factors]")), True)
    assert plan.factors == {"views": (5,), "standardization": ("raw",)}
    assert plan.settings == {"preset": "preview", "cloud.gaussians": 100, "span": 90.0}


def test_a_condition_is_the_same_after_json():
    condition = Condition.from_dict({"views": 9, "c_arm": "no-grid", "schedule.steps": 50, "span": None})
    assert Condition.from_dict(condition.as_dict()) == condition


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_same_after_json(name):
    assert CArmModel.from_dict(MODELS[name].as_dict()) == MODELS[name]


def test_runs_of_a_condition_follow_each_other(ct):
    """So that an interrupted study covers all subjects."""
    plan = Plan("p", (Subject("a", ct=ct), Subject("b", ct=ct)), factors={"views": (5, 10)})
    assert [(run.condition.views, run.subject.name) for run in plan.runs()] == [
        (5, "a"),
        (5, "b"),
        (10, "a"),
        (10, "b"),
    ]


def test_draws_cover_their_ranges_evenly(ct):
    draws = Draws(40, 3, (("views", (3, 6)), ("span", (40.0, 200.0))), (("dose", (0.1, 1.0)),))
    runs = Plan("p", (Subject("a", ct=ct),), draws=draws).runs()
    assert len(runs) == 40
    assert sorted(run.condition.views for run in runs) == sorted([3, 4, 5, 6] * 10)
    spans = sorted(run.condition.span for run in runs)
    assert all(40 + 4 * n <= span <= 44 + 4 * n for n, span in enumerate(spans))
    assert {run.condition.dose for run in runs} == {0.1, 1.0}
    assert len({run.condition.seed for run in runs}) == 40
    assert Plan("p", (Subject("a", ct=ct),), draws=draws).runs() == runs


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "Toy"', "", "no name.*give it one"),
        ("[factors]", "[factor]", "unknown key 'factor' in a plan; did you mean 'factors'"),
        ('ct = "ct.nrrd"', 'ct = "gone.nrrd"', "'one': ct .*gone.nrrd does not exist; correct the path"),
        ('ct = "ct.nrrd"', "", "'one': expected either a ct or a case"),
        ('ct = "ct.nrrd"', 'cte = "ct.nrrd"', "unknown key 'cte' in a subject; did you mean 'ct'"),
        ("center = [1.0, 2.0, 3.0]", "center = [1.0, 2.0]", "'one': center is .* expected three numbers"),
        (
            "center = [1.0, 2.0, 3.0]",
            f"center = [1.0, 2.0, 3{'0' * 400}]",
            "'one': center is 30000.*from -1000000000 to",
        ),
        ('ct = "ct.nrrd"', f"ct = '{'x' * 300}'", "'one': ct .* does not exist; correct the path"),
        ('ct = "ct.nrrd"', 'ct = "ct.nrrd"\nlevels = {L1 = 20}', "'one': levels is .* expected labels with names"),
        ("views = [5, 10]", "views = 5", "factor 'views' is 5, expected a list of levels"),
        ("views = [5, 10]", "views = []", "factor 'views' has no levels"),
        ("views = [5, 10]", "views = [5, 5]", "factor 'views' lists a level twice"),
        ("views = [5, 10]", "viewz = [5, 10]", "no setting 'viewz' of a run; did you mean 'views'"),
        ("views = [5, 10]", "views = [5, 1]", "views 1, .*views is 1, expected a whole number from 2"),
        ("views = [5, 10]", "views = [5, true]", "views is True, expected a whole number"),
        ('"raw", "classical"', '"raw", "magic"', "standardization is 'magic', expected one of ideal, raw"),
        ('c_arm = "mine"', 'c_arm = "yours"', "c_arm is 'yours', expected one of standard.*mine.*add it to c_arms"),
        ("kvp = 70.0", "kvp = 700.0", "c_arms.mine: kvp is 700.0 kV"),
        ("kvp = 70.0", "kv = 70.0", "c_arms.mine: imaging has no kv"),
        ("kvp = 70.0", 'kvp = "hard"', "c_arms.mine: .*kvp is 'hard'"),
        ('curve = "views"', 'curve = "dosage"', "analysis.curve is 'dosage', expected one of the factors views"),
        ("dose = 0.5", 'initialization = "fdk"', "'fdk' with trajectory 'arc', expected 'circular'"),
        ("dose = 0.5", '"cloud.gausians" = 5', "unknown settings cloud.gausians"),
        ("dose = 0.5", "span = 360.0", "use trajectory 'circular'"),
        ("dose = 0.5", 'implants = "bolts"', "implants is 'bolts'"),
        ('compare = "standardization"', 'compare = "standardization"\nreference = "none"', "reference is 'none'"),
    ],
)
def test_bad_plans_are_refused_by_name(written, old, new, message):
    assert old in TOML
    with pytest.raises(SettingsError, match=rf"(?s)plan.toml: .*{message}|{message}"):
        read_plan(written(TOML.replace(old, new))).runs()


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("name = ", "plan.toml", "plan.toml: not TOML"),
        ("name: [", "plan.yaml", "plan.yaml: not YAML"),
        ("name: a\nname: b", "plan.yaml", "key 'name' appears twice"),
        ("1: a", "plan.yaml", "line 1 has a key that is no text"),
        ("name: &a x\ndescription: *a", "plan.yaml", r"line 2 has an alias"),
        ("- 1", "plan.yml", "holds list, expected keys"),
        ("!!python/object/apply:os.getcwd []", "plan.yaml", "not YAML"),
        ("{}", "plan.json", "expected a plan with the suffix"),
    ],
)
def test_files_that_are_no_plan_are_refused(written, text, name, message):
    with pytest.raises(FormatError, match=message):
        read_plan(written(text, name))


def test_implants_need_x_rays_of_all_tissue():
    with pytest.raises(SettingsError, match=r"implants are in no ideal X-ray.*use standardization raw"):
        Condition(implants="screws")


def test_a_case_takes_no_settings_of_a_simulation(simulated):
    plan = Plan("p", (Subject("real", case=simulated),), factors={"dose": (0.5, 1.0)})
    with pytest.raises(SettingsError, match=r"'real' is a case.* sets dose to 0.5; give the CT"):
        plan.runs()


def test_an_unknown_plan_names_the_one_that_was_meant():
    with pytest.raises(SettingsError, match="did you mean 'standardization'"):
        find_plan("standardisation")


@pytest.mark.parametrize("name", ready_plans())
def test_ready_plans_can_be_run_in_both_sizes(name):
    full, small = (read_plan(find_plan(name), small) for small in (False, True))
    assert full.name == small.name
    assert 1 < len(small.runs()) < len(full.runs())
    assert full.description


def test_the_standard_c_arm_is_that_of_ixgs_simulate():
    assert MODELS["standard"].arm == SimulationSettings().arm


def test_subjects_can_be_replaced(ct, simulated, tmp_path, plan):
    folder = tmp_path / "anna" / "ct.nrrd"
    folder.parent.mkdir()
    folder.write_bytes(ct.read_bytes())
    found = subjects_from([ct, folder, simulated, simulated / "case.json"])
    assert [subject.name for subject in found] == [
        "CT 1",
        "CT 2",
        "case 3",
        "case 4",
    ]  # files may be named after people
    assert [subject.case is not None for subject in found] == [False, False, True, True]
    assert plan.with_subjects(found[:2]).runs()[1].subject.name == "CT 2"
    assert replace(plan, subjects=found[:1]).runs()


def test_draws_from_endless_ranges_are_refused():
    with pytest.raises(SettingsError, match=r"draws.ranges.span is 1000.* expected a number from -1000000000"):
        Draws(3, 0, (("span", (0, 10**400)),))
