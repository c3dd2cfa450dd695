"""Pairs as training uses them: polarity, field, and augmentation of image and target."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.errors import FormatError, IXGSError, SettingsError
from IXGSLib.geometry import View
from IXGSLib.simulation import anatomy, drawing
from IXGSLib.simulation.lesions import Ellipsoid, Plate
from IXGSLib.training import pair_rendering
from IXGSLib.training.augmentation import sample, varied
from IXGSLib.training.cameras import DeviceCamera
from IXGSLib.training.making import make_pairs
from IXGSLib.training.pair_format import Pair, open_pairs
from IXGSLib.training.pair_ranges import lesion_ranges
from IXGSLib.training.pair_settings import PairSettings
from IXGSLib.training.settings import TrainingSettings
from IXGSLib.xray import png

STILL = TrainingSettings(rotation=0, zoom=1, shift=0, thickness=0, gamma=0, noise=0, negatives=0, saturated=0)


def made(cts, folder, **settings):
    """A folder of pairs of the first CT, and their records."""
    for _ in make_pairs(cts[:1], folder, PairSettings(count=6, size=48, **settings), jobs=1):
        pass
    return open_pairs(folder), records(folder)


@pytest.fixture
def copy(pair_folder, tmp_path):
    return shutil.copytree(pair_folder, tmp_path / "pairs")


def records(folder):
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in open_pairs(folder).names}


def test_the_field_is_the_open_part_of_the_collimator(pair_folder, pairs):
    shadows = 0
    for name in pairs.names:
        stored = png.read(pair_folder / "xray" / f"{name}.png").values
        field = pairs.load(name).field
        assert field.any()
        assert (stored[~field] == 0).all()
        shadows += (~field).any()
    assert shadows > 5


def test_dense_tissue_is_bright_in_every_image(pair_folder, pairs):
    agreement: dict[bool, list[float]] = {True: [], False: []}
    for name, record in records(pair_folder).items():
        pair = pairs.load(name)
        if np.ptp(pair.target[pair.field]) > 0.1:
            correlation = np.corrcoef(pair.picture[pair.field], pair.target[pair.field])[0, 1]
            agreement[record["settings"]["inverted"]].append(correlation)
    assert all(len(values) > 2 and np.mean(values) > 0.2 for values in agreement.values()), agreement


def test_an_x_ray_that_is_not_displayed_is_the_logarithm_of_the_signal(cts, tmp_path):
    for _ in make_pairs(cts[:1], tmp_path / "raw", PairSettings(count=2, size=32, displayed=0.0), jobs=1):
        pass
    for name in open_pairs(tmp_path / "raw").names:
        settings = json.loads((tmp_path / "raw" / f"{name}.json").read_text())["settings"]
        assert {key: settings[key] for key in ("gamma", "edge_amount", "window", "bits")} == {
            "gamma": 1.0,
            "edge_amount": 0.0,
            "window": [0.0, 100.0],
            "bits": 16,
        }
        assert settings["logarithmic"]
        assert settings["inverted"]


def test_targets_are_line_integrals(pair_folder, pairs):
    name = pairs.names[0]
    stored = png.read(pair_folder / "target" / f"{name}.png").values
    np.testing.assert_allclose(pairs.load(name).target * 4096, stored, rtol=1e-6)


def test_patients_are_held_out_by_the_beginning_of_their_names(pairs):
    first, second = pairs.patients
    training, held_out = pairs.split((second[:6],))
    assert training.patients == (first,)
    assert held_out.patients == (second,)
    assert len(training.names) == len(held_out.names) == 10
    assert pairs.split(())[1].names == ()
    with pytest.raises(SettingsError, match="expected one of"):
        pairs.split(("xyz",))


def test_the_digest_depends_on_the_content_only(copy, pair_folder, pairs):
    assert open_pairs(copy).digest == pairs.digest
    record = copy / f"{pairs.names[3]}.json"
    record.write_text(record.read_text().replace('"number": 3', '"number": 4'))
    assert open_pairs(copy).digest != pairs.digest


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder, name: (folder / "xray" / f"{name}.png").unlink(), ("xray", "cannot be read")),
        (lambda folder, name: (folder / "target" / f"{name}.png").write_bytes(b"half"), ("copy the file again",)),
        (lambda folder, name: (folder / f"{name}.json").write_text("{}"), ("target_scale", "make it again")),
        (
            lambda folder, name: (folder / "xray" / f"{name}.png").write_bytes(png.encode(np.zeros((8, 8), np.uint16))),
            ("8 x 8 pixels", "expected 32 x 32"),
        ),
    ],
)
def test_damaged_pairs_are_refused(spoil, words, copy):
    pairs = open_pairs(copy)
    spoil(copy, pairs.names[0])
    with pytest.raises(FormatError) as error:
        pairs.load(pairs.names[0])
    assert all(word in str(error.value) for word in words), error.value


def test_folders_without_pairs_are_refused(copy, tmp_path):
    for folder, words in ((tmp_path, "no pairs.json"), (tmp_path / "nowhere", "no pairs.json")):
        with pytest.raises(FormatError, match=words):
            open_pairs(folder)
    for record in copy.glob("*_*.json"):
        record.unlink()
    with pytest.raises(FormatError, match="no pair is finished"):
        open_pairs(copy)
    (copy / "pairs.json").write_text('{"format": "ixgs-pairs", "version": 7, "size": 32}')
    with pytest.raises(FormatError, match="version 7"):
        open_pairs(copy)


def test_lesions_take_bone_from_targets_and_change_nothing_else(cts, tmp_path):
    healthy, plain = made(cts, tmp_path / "healthy", lesions=0.0)
    ill, records_of = made(cts, tmp_path / "ill", lesions=1.0)
    changed = 0
    for name in healthy.names:
        assert not plain[name]["lesions"]
        kinds = {lesion["kind"] for lesion in records_of[name]["lesions"]}
        assert kinds <= {"plate", "ellipsoid"}
        same = ("K", "world_from_camera", "isocentre", "patient", "settings")
        assert {key: plain[name][key] for key in same} == {key: records_of[name][key] for key in same}
        assert healthy.load(name).lost.max() == 0
        lost = healthy.load(name).target - ill.load(name).target
        assert lost.min() > -2e-3
        np.testing.assert_allclose(ill.load(name).lost, lost, atol=1e-3)
        changed += lost.max() > 0.02
    assert changed >= 4


def clearance(record):
    """(rows, columns) mm by which the ray of each pixel misses the lesions of a record, at least."""
    kinds = {"plate": Plate, "ellipsoid": Ellipsoid}
    numbers = [{key: np.array(value) for key, value in each.items() if key != "kind"} for each in record["lesions"]]
    solids = [kinds[each["kind"]](**values) for each, values in zip(record["lesions"], numbers, strict=True)]
    view = View(np.array(record["K"]), np.array(record["world_from_camera"]), tuple(record["size"]))
    rows, columns = np.indices(view.size[::-1])
    source, directions = view.ray(np.stack([columns, rows], axis=-1).reshape(-1, 2))
    points = source + np.arange(350.0, 1050.0, 2.0)[:, None, None] * directions
    return np.min([each.clearance(points).min(axis=0) for each in solids], axis=0).reshape(rows.shape)


def test_targets_change_only_where_lesions_project(cts, tmp_path):
    settings = {"contrast_agent": False, "seed": 3}
    healthy, _ = made(cts, tmp_path / "healthy", lesions=0.0, **settings)
    ill, records_of = made(cts, tmp_path / "ill", lesions=1.0, **settings)
    beside, behind = [], []
    for name, record in records_of.items():
        lost = np.abs(healthy.load(name).target - ill.load(name).target)
        # A voxel loses bone where a lesion reaches into it, and counts on rays that pass it by less than a voxel.
        reach = 1.5 * np.linalg.norm(record["patient"]["spacing"])
        far = clearance(record) > reach
        beside += [*lost[far]]
        behind += [*lost[~far]]
    assert len(beside) > 1000
    assert max(beside) == 0
    assert max(behind) > 0.1


def test_pairs_with_another_share_of_lesions_are_not_mixed(pair_folder, cts, tmp_path):
    made(cts, tmp_path / "pairs", lesions=0.0)
    with pytest.raises(IXGSError, match="another lesions"):
        made(cts, tmp_path / "pairs", lesions=0.5)


def test_every_range_of_the_simulation_is_recorded(pair_folder):
    recorded = json.loads((pair_folder / "pairs.json").read_text())["ranges"]
    assert recorded.pop("LESIONS") == json.loads(json.dumps(lesion_ranges()))
    constants = [
        json.loads(json.dumps(value))
        for module in (anatomy, drawing)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, (dict, tuple, float, int))
    ]
    assert sorted(map(json.dumps, recorded.values())) == sorted(map(json.dumps, constants))


def pattern():
    rows, columns = np.indices((64, 64)) / 64
    target = (np.sin(9 * rows) + np.cos(7 * columns) + 2).astype(np.float32)
    return Pair(target / 5, np.hypot(rows - 0.5, columns - 0.5) < 0.4, target, target / 9)


@pytest.mark.parametrize("seed", range(5))
def test_image_and_target_are_transformed_alike(seed):
    settings = replace(STILL, rotation=15, zoom=1.25, shift=0.15)
    pair = varied(pattern(), settings, np.random.default_rng(seed))
    np.testing.assert_allclose(pair.picture[pair.field] * 5, pair.target[pair.field], atol=1e-4)
    np.testing.assert_allclose(pair.lost[pair.field] * 9, pair.target[pair.field], atol=1e-4)
    assert not np.allclose(pair.target, pattern().target, atol=0.1)


def test_without_augmentation_a_pair_is_itself_or_its_mirror_image():
    seen = set()
    for seed in range(8):
        pair, original = varied(pattern(), STILL, np.random.default_rng(seed)), pattern()
        mirrored = bool(np.abs(pair.target - original.target).max() > 0.1)
        seen.add(mirrored)
        step = -1 if mirrored else 1
        for name in ("picture", "field", "target", "lost"):
            np.testing.assert_allclose(getattr(pair, name), getattr(original, name)[:, ::step], atol=1e-5)
    assert seen == {True, False}


def test_gamma_noise_and_inversion_change_the_image_only():
    for change in ({"gamma": 0.3}, {"noise": 0.1}, {"negatives": 1}):
        pair = varied(pattern(), replace(STILL, **change), np.random.default_rng(0))
        plain = varied(pattern(), STILL, np.random.default_rng(0))
        assert np.abs(pair.picture - plain.picture).max() > 0.01
        np.testing.assert_array_equal(pair.target, plain.target)
        np.testing.assert_array_equal(pair.field, plain.field)
    np.testing.assert_allclose(pair.picture, 1 - plain.picture, atol=1e-6)


def test_another_thickness_changes_grey_slowly_and_never_the_target():
    plain, pair = (varied(pattern(), replace(STILL, thickness=t), np.random.default_rng(3)) for t in (0, 1))
    np.testing.assert_array_equal(pair.target, plain.target)
    assert (pair.picture[pair.field].min(), pair.picture[pair.field].max()) == (0, 1)
    slope = np.polyfit(plain.picture[plain.field], pair.picture[plain.field], 1)
    change = np.where(plain.field, pair.picture - np.polyval(slope, plain.picture), 0)
    assert np.abs(change).max() > 0.05
    inner = plain.field[1:] & plain.field[:-1]
    assert np.abs(np.diff(change, axis=0))[inner].max() < np.abs(change).max() / 2


def test_targets_are_zero_outside_the_field_whether_it_is_known_or_not():
    pair = pattern()
    for shadow in (None, 0.0, 1.0):
        made = sample(pair, shadow)
        for given, whole in ((made.target, pair.target), (made.lost, pair.lost)):
            assert (given[0][~pair.field] == 0).all()
            np.testing.assert_array_equal(given[0][pair.field], whole[pair.field])
        assert (made.picture[-1] == 1).all() == (shadow is not None)
    picture = sample(pair, 1.0).picture
    assert (picture[0][~pair.field] == picture[0].max()).all()


def test_saturated_pixels_are_removed_from_the_field_unless_little_remains():
    pair = pattern()
    thin = pair.target < 1
    pictures = {"some": np.where(thin, 0, pair.picture), "all": np.zeros_like(pair.picture)}
    for name, picture in pictures.items():
        made = varied(replace(pair, picture=picture), replace(STILL, saturated=1), np.random.default_rng(3))
        thinnest = made.picture[made.field].min()
        assert (thinnest > 0) == (name == "some")
        assert made.field.any()


def test_pairs_of_a_device_show_what_those_of_the_compiled_simulation_do(cts, tmp_path, monkeypatch):
    compiled, plain = made(cts, tmp_path / "compiled", lesions=1.0, contrast_agent=False)
    monkeypatch.setattr(pair_rendering, "camera", lambda anatomy, device: DeviceCamera(anatomy, torch.device("cpu")))
    found, records_of = made(cts, tmp_path / "device", lesions=1.0, contrast_agent=False)
    for name in compiled.names:
        same = ("K", "world_from_camera", "isocentre", "patient", "settings", "lesions")
        assert {key: plain[name][key] for key in same} == {key: records_of[name][key] for key in same}
        one, other = compiled.load(name), found.load(name)
        for part in ("target", "lost"):
            expected = getattr(one, part)
            assert np.abs(getattr(other, part) - expected).mean() < 0.05 * max(expected.mean(), 0.02)
        inside = one.field
        if np.ptp(one.picture[inside]) > 0.2:
            assert np.corrcoef(one.picture[inside], other.picture[inside])[0, 1] > 0.8


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_device_that_is_missing_is_named(cts, tmp_path):
    with pytest.raises(SettingsError, match="--device cuda"):
        made(cts, tmp_path / "pairs", device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_pairs_of_a_gpu_show_what_those_of_a_cpu_do(cts, tmp_path):
    cpu, gpu = (made(cts, tmp_path / name, device=name, contrast_agent=False)[0] for name in ("cpu", "cuda"))
    for name in cpu.names:
        one, other = cpu.load(name), gpu.load(name)
        assert np.abs(one.target - other.target).mean() < 0.05 * max(one.target.mean(), 0.02)
        assert (one.field == other.field).all()
