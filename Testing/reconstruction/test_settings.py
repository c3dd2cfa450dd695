import dataclasses

import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.reconstruction import ReconstructionSettings
from IXGSLib.reconstruction.settings import _LOWEST, PRESETS, settings_for


@pytest.mark.parametrize("name", sorted(_LOWEST))
def test_a_value_below_its_range_is_refused_by_name(name):
    with pytest.raises(SettingsError, match=name):
        ReconstructionSettings(**{name: _LOWEST[name] - 1})


@pytest.mark.parametrize("name", ["tv_weight", "position_rate", "smallest_scale", "largest_aspect"])
def test_nan_is_refused(name):
    with pytest.raises(SettingsError, match=name):
        ReconstructionSettings(**{name: float("nan")})


@pytest.mark.parametrize(
    "values",
    [
        {"initialization": "fdk"},
        {"split_fraction": 1.5},
        {"final_rate": 2.0},
        {"smallest_scale": 5.0, "largest_scale": 1.0},
        {"steps": 100, "coarse_steps": 90, "refit_steps": 20},
    ],
)
def test_values_that_do_not_fit_together_are_refused(values):
    with pytest.raises(SettingsError):
        ReconstructionSettings(**values)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_settings_survive_json(preset):
    import json

    settings = settings_for(preset)
    assert ReconstructionSettings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings


def test_unknown_names_are_refused():
    with pytest.raises(SettingsError, match="stepps"):
        ReconstructionSettings.from_dict({"stepps": 3})
    with pytest.raises(SettingsError, match="expected one of preview, standard, fine"):
        settings_for("best")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ReconstructionSettings().steps = 5
