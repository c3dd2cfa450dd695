"""Section 2: which method is used, and the preview of one view."""

from dataclasses import replace

import pytest

from IXGSLib.standardization import method


def take_intensities(panel):
    """Let the X-rays of the selection be intensities."""
    selection = panel.selection
    selection.reading = replace(selection.reading, values="intensity")
    panel.update()


def methods(panel, tmp_path):
    """The commands that Apply runs, by name."""
    return [command[2] for command in panel.reconstruction.plan.commands(tmp_path / "out")]


def test_pictures_take_no_room_before_a_preview(ui):
    ui.standardizationButton.collapsed = False
    assert not ui.before.isVisibleTo(ui.standardizationButton)
    assert not ui.after.isVisibleTo(ui.standardizationButton)


def test_line_integrals_are_not_standardised(read, ui, tmp_path):
    assert "used as they are" in ui.standardizationMessage.text
    assert not ui.previewStandardization.enabled
    assert methods(read, tmp_path) == ["reconstruct"]


def test_intensities_are_standardised_before_the_reconstruction(read, ui, tmp_path):
    take_intensities(read)
    assert ui.previewStandardization.enabled
    assert methods(read, tmp_path) == ["standardize", "reconstruct"]


def test_without_weights_the_classical_method_is_used_and_a_message_says_so(read, ui, tmp_path, monkeypatch):
    monkeypatch.setattr(method, "shipped_weights", lambda: None)
    take_intensities(read)
    assert read.standardization.method().method == "classical"
    assert "classical" in ui.standardizationMessage.text
    assert ui.applyButton.enabled


def test_apply_is_disabled_for_the_network_without_weights(read, ui, monkeypatch):
    monkeypatch.setattr(method, "shipped_weights", lambda: None)
    read.parameters.standardization = "pix2pix"
    assert not ui.applyButton.enabled
    assert not ui.previewStandardization.enabled
    assert "weights" in ui.applyButton.toolTip
    assert "weights" in ui.standardizationMessage.text


def test_a_preview_shows_the_view_before_and_after_with_its_warnings(read, ui, wait):
    read.parameters.standardization = "classical"
    ui.previewStandardization.click()
    assert not ui.previewStandardization.enabled
    wait(lambda: not read.standardization.process.running)
    assert not ui.before.pixmap.isNull()
    assert not ui.after.pixmap.isNull()
    assert "synthetic" in ui.standardizationMessage.text
    ui.viewsTable.selectRow(2)
    assert not ui.before.visible
    assert "synthetic" not in ui.standardizationMessage.text


@pytest.mark.parametrize("name", ["weights", "standardization"])
def test_a_preview_is_discarded_when_a_choice_changes(read, ui, wait, name):
    read.parameters.standardization = "classical"
    ui.previewStandardization.click()
    setattr(read.parameters, name, {"weights": "other.safetensors", "standardization": "none"}[name])
    assert not read.standardization.process.running
    assert not ui.before.visible


def test_the_learned_prior_is_a_choice_where_the_network_standardizes(read, ui):
    assert read.parameters.learnedPrior
    assert not ui.learnedPrior.enabled  # the sample case holds clean line integrals
    take_intensities(read)
    read.parameters.standardization = "pix2pix"
    assert ui.learnedPrior.enabled
    assert read.standardization.prior_arguments() == ["--prior", "auto"]
    ui.learnedPrior.click()
    assert read.standardization.prior_arguments() == ["--prior", "none"]
    read.parameters.standardization = "classical"
    assert not ui.learnedPrior.enabled
