import dataclasses
import json

import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.reconstruction import ReconstructionSettings
from IXGSLib.reconstruction.settings import NAMES, PRESETS, settings_for

RANGES = {
    f"{group.name}.{each.name}": each.metadata["range"]
    for group in dataclasses.fields(ReconstructionSettings)
    for each in dataclasses.fields(group.default)
    if "range" in each.metadata
}


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_value_out_of_its_range_is_refused_by_name(name):
    low, high = RANGES[name]
    for value in (low - 1, *([high + 1] if high < float("inf") else [])):
        with pytest.raises(SettingsError, match=name):
            ReconstructionSettings().updated({name: value})


def test_every_number_has_a_range():
    assert set(NAMES) - set(RANGES) == {"cloud.initialization"}


@pytest.mark.parametrize("name", ["loss.tv_weight", "rates.position", "cloud.min_scale", "cloud.max_aspect"])
def test_nan_is_refused(name):
    with pytest.raises(SettingsError, match=name):
        ReconstructionSettings().updated({name: float("nan")})


@pytest.mark.parametrize(
    "values",
    [
        {"cloud.initialization": "sart"},
        {"cloud.min_scale": 5.0, "cloud.max_scale": 1.0},
        {"schedule.steps": 100, "schedule.coarse_steps": 90, "schedule.refit_steps": 20},
        {"schedule.steps": 10.5},
    ],
)
def test_values_that_do_not_fit_together_are_refused(values):
    with pytest.raises(SettingsError, match=next(iter(values))):
        ReconstructionSettings().updated(values)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_settings_survive_json(preset):
    settings = settings_for(preset)
    groups = json.loads(json.dumps(settings.as_dict()))
    assert ReconstructionSettings().updated({f"{g}.{n}": v for g, each in groups.items() for n, v in each.items()}) == (
        settings
    )
    assert list(settings.flat()) == list(NAMES)


def test_an_unknown_preset_is_refused():
    with pytest.raises(SettingsError, match="expected one of preview, standard, fine"):
        settings_for("best")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ReconstructionSettings().schedule.steps = 5
