"""Series: what is made, continued and refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError, IXGSError, SettingsError
from IXGSLib.files import sha256
from IXGSLib.geometry.rigid import apply
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.geometry.twists import change_between, poses
from IXGSLib.prior.channels import ALGEBRAIC, CHANNELS, COARSE, gathered
from IXGSLib.prior.features import FeatureView
from IXGSLib.training.making import make_series
from IXGSLib.training.prior_samples import samples
from IXGSLib.training.series_format import ARRAYS, Series, SeriesFolder, open_series
from IXGSLib.training.series_rendering import POSE_DEG, POSE_MM, with_pose_errors
from IXGSLib.training.series_settings import SeriesSettings
from IXGSLib.xray import XRay


def test_a_series_holds_channels_of_each_subset_and_the_bone(series):
    assert len(series.names) == 4
    assert len(series.patients) == 2
    for name in series.names:
        found = series.load(name)
        assert found.channels.shape == (2, CHANNELS, 16, 16, 16)
        assert found.bone.shape == (32, 32, 32)
        assert found.bone.max() > 0.005
        assert found.bone.min() >= 0
        assert found.lesions.shape == found.bone.shape
        share = found.channels[:, CHANNELS - COARSE + 5]
        assert share.max() == pytest.approx(1, abs=1e-2)
        assert found.channels[:, ALGEBRAIC].max() > 0


def test_bone_is_missing_where_there_are_lesions(cts, series, tiny_standardizer, tmp_path):
    settings = replace(series.settings, standardizer=tiny_standardizer, count=1)
    for name, lesions in (("none", 0.0), ("all", 1.0)):
        for _ in make_series(cts[:1], tmp_path / name, replace(settings, lesions=lesions), jobs=1):
            pass
    whole, found = (open_series(tmp_path / name) for name in ("none", "all"))
    whole, found = (folder.load(folder.names[0]) for folder in (whole, found))
    assert whole.lesions.max() == 0
    inside = found.lesions > 0.5
    assert found.bone[inside].sum(dtype=float) < 0.6 * whole.bone[inside].sum(dtype=float)
    assert (found.bone <= whole.bone + 1e-3).all()


def test_the_channels_show_the_bone(series):
    """Voxels with bone are brighter than others in the algebraic reconstruction, even by untrained weights."""
    found = series.load(series.of(series.patients[0])[0])
    detail, bone = found.channels[0, CHANNELS - COARSE + 1], gathered(found.bone[None]).mean(axis=0)
    assert detail[bone > 0.01].mean() > detail[bone < 1e-4].mean()


def test_series_are_continued_to_the_same_files_by_any_number_of_processes(cts, series, tiny_standardizer, tmp_path):
    settings = replace(series.settings, standardizer=tiny_standardizer, count=1)
    for _ in make_series(cts, tmp_path / "two", settings, jobs=2):
        pass
    again = replace(settings, count=2)
    counts = list(make_series(cts, tmp_path / "two", again, jobs=1))
    assert (counts[0], counts[-1]) == (2, 4)
    for name in series.names:
        one, two = series.load(name), open_series(tmp_path / "two").load(name)
        np.testing.assert_array_equal(one.bone, two.bone)
        np.testing.assert_allclose(one.channels, two.channels, atol=2e-3)
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    assert manifest["files"].keys() == {f"{name}.npz" for name in series.names}
    assert all(sha256((tmp_path / "two" / name).read_bytes()) == digest for name, digest in manifest["files"].items())


def test_other_settings_and_other_folders_are_refused(cts, series, series_folder, tiny_standardizer, tmp_path):
    other = replace(series.settings, standardizer=tiny_standardizer, seed=1)
    with pytest.raises(IXGSError, match="another seed"):
        next(make_series(cts, series_folder, other))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(IXGSError, match="holds other files"):
        next(make_series(cts, tmp_path, other))
    with pytest.raises(FormatError, match=r"no series\.json"):
        open_series(tmp_path)
    with pytest.raises(SettingsError, match="min_views"):
        SeriesSettings(views=4, min_views=5)


def stored(folder, name):
    """The arrays of a series by their names, read as a whole."""
    with np.load(folder.path / f"{name}.npz") as arrays:
        return dict(arrays)


class WholeSeries(SeriesFolder):
    """Series that are read and converted as a whole."""

    def load(self, name):
        return Series(**{key: values.astype(np.float32) for key, values in stored(self, name).items()})


def test_a_series_is_mapped_as_it_is_stored(series):
    found, whole = series.load(series.names[0]), stored(series, series.names[0])
    assert whole.keys() == set(ARRAYS)
    for name in ARRAYS:
        part = getattr(found, name)
        assert isinstance(part, np.memmap)
        assert not part.flags.writeable
        assert part.dtype == np.float16
        np.testing.assert_array_equal(part, whole[name])


def test_samples_do_not_depend_on_how_series_are_read(series, bone_settings):
    for one, two in zip(
        samples(series, bone_settings, 0), samples(WholeSeries(**vars(series)), bone_settings, 0), strict=True
    ):
        for name in ARRAYS:
            part = getattr(one, name)
            assert part.dtype == np.float32
            np.testing.assert_array_equal(part, getattr(two, name))


def mistyped(data, name):
    """The bytes of a file in which the header of an array states another shape in as many digits."""
    at = data.index(b"'shape': (", data.index(f"{name}.npy".encode())) + len(b"'shape': (")
    return data[:at] + b"9" + data[at + 1 :]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file, arrays: file.unlink(), "No such file"),
        (lambda file, arrays: file.write_bytes(b""), "not a zip file"),
        (lambda file, arrays: file.write_bytes(b"half"), "not a zip file"),
        (lambda file, arrays: file.write_bytes(file.read_bytes()[:1000]), "not a zip file"),
        (lambda file, arrays: file.write_bytes(file.read_bytes()[1000:]), "not a series"),
        (lambda file, arrays: file.write_bytes(mistyped(file.read_bytes(), "bone")), "not those of its shape"),
        (lambda file, arrays: np.savez_compressed(file, **arrays), "compressed"),
        (lambda file, arrays: np.savez(file, bone=arrays["bone"]), "no item named 'channels.npy'"),
        (lambda file, arrays: np.savez(file, **arrays | {"bone": arrays["bone"].astype(float)}), "float64"),
        (lambda file, arrays: np.savez(file, **arrays | {"bone": np.asfortranarray(arrays["bone"])}), "in rows"),
        (lambda file, arrays: np.savez(file, **arrays | {"lesions": arrays["lesions"][1:]}), "another size"),
        (lambda file, arrays: np.savez(file, **arrays | {"channels": arrays["channels"][:1]}), "another size"),
    ],
)
def test_a_damaged_series_is_refused_by_its_name(spoil, words, series, series_folder, tmp_path):
    name = series.names[0]
    copy = replace(series, path=shutil.copytree(series_folder, tmp_path / "copy"))
    spoil(copy.path / f"{name}.npz", stored(series, name))
    with pytest.raises(FormatError, match=words) as error:
        copy.load(name)
    assert all(part in str(error.value) for part in (name, "run ixgs series again"))


def test_patients_are_held_out_by_the_beginning_of_their_name(series):
    training, validation = series.split((series.patients[0][:6],))
    assert training.patients == series.patients[1:]
    assert validation.patients == series.patients[:1]
    with pytest.raises(SettingsError, match="0 patients"):
        series.split(("nobody",))
    with pytest.raises(SettingsError, match="hold out fewer"):
        series.split(series.patients)


def test_pose_errors_turn_and_shift_views_about_the_centre_by_their_size():
    center, exact = np.array([10.0, -20.0, 300.0]), []
    for view in trajectory(CArm(detector_pixels=(8, 8)), arc(200), center):
        blank = np.zeros((8, 8), np.float32)
        exact.append(FeatureView(blank[None], XRay(view, blank, np.ones((8, 8), bool), "line_integral"), None))
    moved = with_pose_errors(exact, 2.0, center, np.random.default_rng(0))
    pairs = [(a.standardized.view, b.standardized.view) for a, b in zip(exact, moved, strict=True)]
    shifts = [apply(b.camera_from_world, center) - apply(a.camera_from_world, center) for a, b in pairs]
    assert np.std(shifts, axis=0) == pytest.approx([2 * POSE_MM] * 3, rel=0.2)
    turns = change_between(*(poses(side) for side in zip(*pairs, strict=True)), center)[:, :3]
    assert np.rad2deg(np.std(turns, axis=0)) == pytest.approx([2 * POSE_DEG] * 3, rel=0.2)
    assert with_pose_errors(exact, 0.0, center, np.random.default_rng(0)) is exact
