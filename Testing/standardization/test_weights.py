"""Weights files: round trip, and refusal of everything else."""

import io
import json
import math
import pickle
import struct
import zipfile
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save

from IXGSLib.errors import FormatError, IXGSError, TruncatedFile
from IXGSLib.resources import shipped_weights
from IXGSLib.standardization.distribution import fit
from IXGSLib.standardization.generator import Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.safetensors_layout import MAX_FILE_BYTES
from IXGSLib.standardization.weights import FORMAT, load_weights, save_weights
from IXGSLib.training.settings import TrainingSettings

SETTINGS = TrainingSettings(width=4, levels=4)
ABOUT = {"settings": asdict(SETTINGS), "size": 32, "patients": ["a"], "scores": {"l1": 0.1}}


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return Generator(GeneratorSettings(width=4, levels=4))


@pytest.fixture
def distribution():
    values = torch.randn(20, 12, generator=torch.Generator().manual_seed(0))
    return fit(values, values)


@pytest.fixture
def file(generator, distribution, tmp_path):
    save_weights(tmp_path / "w.safetensors", ABOUT, generator.state_dict(), distribution.tensors())
    return tmp_path / "w.safetensors"


def header(data):
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def assembled(content, numbers):
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def edited(file, change):
    """Rewrite the file with its header changed; everything else stays."""
    content, numbers = header(file.read_bytes())
    change(content)
    file.write_bytes(assembled(content, numbers))


def about(change):
    """A change of the header of the weights."""

    def apply(content):
        description = json.loads(content["__metadata__"][FORMAT.name])
        change(description)
        content["__metadata__"][FORMAT.name] = json.dumps(description)

    return apply


def refused(file, *words, error=FormatError):
    with pytest.raises(error) as raised:
        load_weights(file)
    message = str(raised.value)
    assert file.name in message
    assert all(word in message for word in words), message


def test_what_is_written_is_read_in_half_precision(file, generator, distribution):
    weights = load_weights(file)
    assert weights.settings == GeneratorSettings(width=4, levels=4)
    assert weights.size == 32
    assert weights.about["scores"] == {"l1": 0.1}
    assert weights.generator.keys() == generator.state_dict().keys()
    for name, value in generator.state_dict().items():
        assert torch.equal(weights.generator[name], value.half().float())
    assert all(torch.equal(weights.distribution[name], value) for name, value in distribution.tensors().items())


def test_equal_weights_are_equal_files(file, generator, distribution, tmp_path):
    other = tmp_path / "other.safetensors"
    save_weights(other, ABOUT, generator.state_dict(), distribution.tensors())
    assert other.read_bytes() == file.read_bytes()


def test_the_distribution_model_may_be_missing(generator, tmp_path):
    save_weights(tmp_path / "w.safetensors", ABOUT, generator.state_dict())
    assert load_weights(tmp_path / "w.safetensors").distribution is None


def test_the_weights_that_come_with_ixgs_hold_a_distribution_model():
    weights = load_weights(shipped_weights())
    assert (weights.settings, weights.size) == (GeneratorSettings(), 256)
    assert weights.distribution["pictures"].ndim == 2


class Payload:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_is_refused_and_does_nothing(tmp_path):
    trap = tmp_path / "trap"
    torch_file = io.BytesIO()
    torch.save({"generator": Payload(trap)}, torch_file)
    legacy = io.BytesIO()
    torch.save({"generator": Payload(trap)}, legacy, _use_new_zipfile_serialization=False)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("data.pkl", pickle.dumps(Payload(trap)))
    for data in (torch_file.getvalue(), legacy.getvalue(), archive.getvalue(), pickle.dumps(Payload(trap))):
        (tmp_path / "weights.pt").write_bytes(data)
        refused(tmp_path / "weights.pt", "pickle", "never opened")
        # The same behind the name and the beginning of safetensors.
        (tmp_path / "weights.safetensors").write_bytes(struct.pack("<Q", len(data)) + data)
        refused(tmp_path / "weights.safetensors", error=IXGSError)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Payload(trap))).close()
    assert trap.exists(), "the payload must be able to do its work"


@pytest.mark.parametrize("kept", [0, 5, 8, 100, 0.5, -1])
def test_a_truncated_file_is_refused(file, kept):
    data = file.read_bytes()
    kept = int(kept * len(data)) if isinstance(kept, float) else kept
    file.write_bytes(data[:kept] if kept >= 0 else data[:-1])
    refused(file, "copy the file again", error=TruncatedFile)


def test_no_flipped_bit_goes_unnoticed(file):
    data = bytearray(file.read_bytes())
    end = 8 + int.from_bytes(data[:8], "little")
    places = [*range(0, end, 97), *range(end, len(data), 4999), len(data) - 1]
    assert len(places) > 20
    for place in places:
        for bit in (0, 6):
            data[place] ^= 1 << bit
            file.write_bytes(data)
            try:
                weights = load_weights(file)
            except IXGSError:
                pass
            else:  # only in what the weights tell of themselves, which is no number that is computed with
                assert place < end
                assert {**weights.about, "settings": {}} != {**ABOUT, "settings": {}}
            data[place] ^= 1 << bit


@pytest.mark.parametrize("length", [2**63, 2**40, 2**21, 2**64 - 1])
def test_a_huge_header_is_refused_without_being_read(file, length):
    file.write_bytes(struct.pack("<Q", length) + file.read_bytes()[8:])
    refused(file, f"{length} bytes", "not safetensors")


def test_a_huge_file_is_refused_without_being_read(tmp_path):
    file = tmp_path / "huge.safetensors"
    with file.open("wb") as opened:
        opened.truncate(MAX_FILE_BYTES + 1)
    refused(file, f"{(MAX_FILE_BYTES >> 20) + 1} MiB", f"at most {MAX_FILE_BYTES >> 20} MiB")


def test_foreign_safetensors_are_refused(tmp_path):
    file = tmp_path / "foreign.safetensors"
    for metadata in (None, {"format": "pt"}):
        file.write_bytes(save({"layer.weight": torch.zeros(3)}, metadata))
        refused(file, "safetensors of something else", FORMAT.name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "nothing.safetensors", "cannot be opened", "check that the file exists")
    refused(tmp_path, "cannot be opened", "directory")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda description: description.update(version=3), ("version 3", "expected 2")),
        (lambda description: description.pop("settings"), ("settings",)),
        (lambda description: description["settings"].update(width=10**9), ("width is 1000000000",)),
        (lambda description: description["settings"].update(width=4.0), ("width is 4.0", "whole number")),
        (lambda description: description["settings"].update(width="4"), ("settings",)),
        (lambda description: description["settings"].update(scale=-1), ("scale is -1",)),
        (lambda description: description["settings"].update(run="rm"), ("run",)),
        (lambda description: description["settings"].update(width=5), ("expected F16 [5, 20, 3, 3]",)),
        (lambda description: description["settings"].update(levels=3), ("is unknown",)),
        (lambda description: description["settings"].update(levels=5), ("is unknown",)),
        (lambda description: description.update(size=24), ("24 pixels", "multiple of 16")),
        (lambda description: description.update(size=True), ("True pixels",)),
        (lambda description: description.update(sha256="0" * 64), ("changed since they were written",)),
    ],
)
def test_an_inconsistent_header_is_refused(change, words, file):
    edited(file, about(change))
    refused(file, *words)


NAME = "generator.out.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update({"generator.more": content.pop(NAME)}), ("is unknown", "expected")),
        (lambda content: content.pop(NAME), (NAME, "is missing")),
        (lambda content: content[NAME].update(dtype="F64"), (NAME, "F64", "expected F16")),
        (lambda content: content[NAME].update(shape=[4, 3, 3, 4]), (NAME, "expected F16 [4, 4, 3, 3]")),
        (lambda content: content[NAME].update(shape=[-4, -4, 3, 3]), (NAME, "not described")),
        (lambda content: content[NAME].update(data_offsets=[0, 10**12]), (NAME,)),
        (lambda content: content[NAME].update(data_offsets=[0, 256]), ("expected it after the one before",)),
        (lambda content: content[NAME].update(more=1), (NAME, "not described")),
        (lambda content: content.update({NAME: 5}), (NAME, "not described")),
        (lambda content: content.update(__metadata__=5), ("something else",)),
        (lambda content: content.pop("distribution.mean"), ("distribution.mean", "is missing")),
        (
            lambda content: content["distribution.pictures"].update(shape=[3]),
            ("distribution.pictures", "expected (pictures, features)"),
        ),
        (
            lambda content: content["distribution.quantiles"].update(shape=[3]),
            ("distribution.quantiles", "expected F32 [4]"),
        ),
    ],
)
def test_unexpected_tensors_are_refused(change, words, file):
    edited(file, change)
    refused(file, *words)


def test_bytes_after_the_last_tensor_are_refused(file):
    file.write_bytes(file.read_bytes() + b"more")
    refused(file, "something was added")


def test_a_header_that_is_not_an_object_is_refused(tmp_path):
    file = tmp_path / "w.safetensors"
    for text, words in (
        (b"[1]", "not a JSON object"),
        (b"{}", "something else"),
        (b"{", "the file ends"),
        (b"\xff", "UTF-8"),
    ):
        file.write_bytes(struct.pack("<Q", len(text)) + text)
        refused(file, words)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e6])
def test_numbers_that_are_not_finite_are_refused(value, generator, tmp_path):
    with torch.no_grad():
        generator.out.bias[0] = value  # a million is infinite in half precision
    save_weights(tmp_path / "w.safetensors", ABOUT, generator.state_dict())
    refused(tmp_path / "w.safetensors", "generator.out.bias", "NaN or infinity")
