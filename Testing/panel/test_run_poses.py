"""What the panel says about the poses of a run: verdict, messages and the table."""

import json
import shutil

import pytest

from Testing.panel.runs import POSE, poses, record, review, with_given_poses


def test_the_verdict_of_a_run_is_shown(read_moved, ui, run, tmp_path):
    kept = shutil.copytree(run, tmp_path / "kept")
    with_given_poses(kept)
    review(read_moved, kept)
    assert "The given poses are verified" in ui.refinementMessage.text
    read_moved.parameters.volume = None
    assert not ui.refinementMessage.visible
    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    for view in views:
        view |= {"rotation": 1.25, "shift": 3.5}
    views[1]["state"] = "left out"
    record(run, views=views)
    review(read_moved, run)
    assert "were refined and are verified" in ui.refinementMessage.text
    assert "turned by 1.2° and moved by 3.5 mm" in ui.refinementMessage.text
    assert f"agree with no other X-ray: {views[1]['id']}." in ui.refinementMessage.text


def test_why_poses_are_not_verified_is_shown(read_moved, ui, run):
    record(run, verified=False, doubts=["the images disagree by 0.52, expected at most <0.35", "another reason"])
    review(read_moved, run)
    assert "not verified" in ui.refinementMessage.text
    assert "at most &lt;0.35; another reason" in ui.refinementMessage.text


def test_changed_poses_of_a_run_are_a_message(read_moved, ui, run):
    text = (run / "poses.json").read_text()
    (run / "poses.json").write_text(text.replace("0.", "1.", 1))
    review(read_moved, run)
    assert "cannot be read" in ui.refinementMessage.text
    assert "poses.json" in ui.refinementMessage.text
    xray = read_moved.selection.xrays[0]
    assert read_moved.selection.final(xray) is xray


@pytest.mark.parametrize("lost", ["doubts", "views/0/state", "views/0/rotation", "disagreement/after"])
def test_an_incomplete_record_is_a_message(read_moved, ui, run, lost):
    content = json.loads((run / "run.json").read_text())
    *way, last = lost.split("/")
    place = content["refinement"]
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    del place[last]
    (run / "run.json").write_text(json.dumps(content))
    review(read_moved, run)
    assert "cannot be read" in ui.refinementMessage.text
    assert "run.json" in ui.refinementMessage.text
    assert set(poses(ui)) == {"Given"}
    xray = read_moved.selection.xrays[0]
    assert read_moved.selection.final(xray) is xray


def test_numbers_that_could_not_be_computed_are_question_marks(read_moved, ui, run):
    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    record(run, views=[view | {"rotation": None} for view in views], disagreement={"before": None, "after": 0.1})
    review(read_moved, run)
    assert "? before, 0.10 after" in ui.refinementMessage.text
    assert "turned by ?° and moved by" in ui.refinementMessage.text
    assert "Turned by ?°" in ui.viewsTable.item(0, POSE).toolTip()


@pytest.mark.parametrize("damage", ["", "{", None])
def test_a_damaged_record_is_a_message(read_moved, ui, run, damage):
    """Which is also what the comparison needs."""
    import slicer

    from IXGSLib.scene.runs import load_run

    node = load_run(slicer.mrmlScene, run)
    if damage is None:
        (run / "run.json").unlink()
    else:
        (run / "run.json").write_text(damage)
    read_moved.parameters.volume = node
    ui.compare.click()
    for text in (ui.refinementMessage.text, ui.comparisonMessage.text):
        assert "run.json" in text


def test_a_run_with_given_poses_has_no_verdict(read_moved, ui, run):
    content = json.loads((run / "run.json").read_text())
    del content["refinement"]
    (run / "run.json").write_text(json.dumps(content))
    done = json.loads((run / "done.json").read_text())
    del done["outputs"]["poses.json"]
    (run / "done.json").write_text(json.dumps(done))
    review(read_moved, run)
    assert not ui.refinementMessage.visible
    assert read_moved.selection.final(read_moved.selection.current) is read_moved.selection.current


def test_final_poses_are_those_of_a_run_of_these_x_rays(read_moved, ui, run):
    from dataclasses import replace

    other = {name: digest[::-1] for name, digest in read_moved.selection.reading.hashes.items()}
    read_moved.selection.reading = replace(read_moved.selection.reading, hashes=other)
    review(read_moved, run)
    assert read_moved.selection.final(read_moved.selection.xrays[0]) is read_moved.selection.xrays[0]
    assert set(poses(ui)) == {"Given"}


def test_the_table_shows_what_a_run_did_to_each_pose(read_moved, ui, run):
    from IXGSPanel.views_table import change_text

    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    for view in views[2:]:
        view["state"] = "given"
    views[0] |= {
        "state": "refined",
        "rotation_sd": 0.12,
        "shift_sd": 0.3,
        "beam_sd": None,
        "rotation": 1.25,
        "shift": 3.5,
        "beam": 2.0,
        "before": 0.4,
        "after": None,
    }
    views[1] |= {"state": "left out", "after": 0.71}
    record(run, views=views)
    review(read_moved, run)
    assert poses(ui)[:3] == ["Refined", "Left out", "Given"]
    tips = [ui.viewsTable.item(row, POSE).toolTip() for row in range(3)]
    assert "Turned by 1.2°, moved by 3.5 mm" in tips[0]
    assert "0.40 before, ? after" in tips[0]
    assert "Standard deviations: 0.12°, 0.3 mm and ? mm." in tips[0]
    earlier = {name: value for name, value in views[0].items() if not name.endswith("_sd")}
    assert "deviations" not in change_text(earlier)
    assert "disagrees by 0.71" in tips[1]
    read_moved.parameters.volume = None
    assert set(poses(ui)) == {"Given"}
