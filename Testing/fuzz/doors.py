"""The doors of IXGS: every reader of a file from outside, with files that it accepts."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import tifffile
import torch
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from IXGSLib.errors import IXGSError
from IXGSLib.files import sha256
from IXGSLib.formats import load_case, save_case
from IXGSLib.formats.calibrations import CalibrationOptions
from IXGSLib.formats.calibrations.detector import Detector
from IXGSLib.formats.calibrations.registry import read_calibration
from IXGSLib.formats.case import Case
from IXGSLib.formats.credit import read_credit
from IXGSLib.formats.dicom_folder import load_tagged
from IXGSLib.gaussians import Cloud
from IXGSLib.gaussians.ply import load_ply, save_ply
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.reconstruction.checkpoint import load_checkpoint, save_checkpoint
from IXGSLib.registration.labels import read_names
from IXGSLib.registration.record import parse_record
from IXGSLib.registration.splitting import read_points
from IXGSLib.registration.transforms import read_tfm, tfm_bytes
from IXGSLib.registration.views import parse_views
from IXGSLib.runs.lock import Lock
from IXGSLib.runs.records import checked_output, read_done
from IXGSLib.runs.request import RunRequest
from IXGSLib.standardization.generator import Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.weights import load_weights, save_weights
from IXGSLib.studies.plan_files import find_plan, read_plan
from IXGSLib.volume import Volume
from IXGSLib.volume.images import read_image
from IXGSLib.volume.nrrd import nrrd_bytes, nrrd_content
from IXGSLib.xray import XRay, read_pixels
from IXGSLib.xray.reading import frame_count
from Testing.formats import foreign
from Testing.xray.test_dicom import dicom

RAMP = (np.arange(40 * 32).reshape(32, 40) * 40 + 300).astype(np.uint16)
CT = (np.arange(6 * 7 * 8).reshape(6, 7, 8) * 5 - 900).astype(np.int16)
GRID = Grid.centered((0, 0, 0), (16, 16, 16), 4.0)
MARKUPS = b'{"markups": [{"coordinateSystem": "RAS", "controlPoints": [{"label": "L3", "position": [1, 2, 3]}]}]}'
REGISTRATION = json.dumps(
    {
        "format": "ixgs-registration", "version": 1, "case": {"name": "spine"}, "margin": 0.5, "alternative": "lower",
        "vertebrae": [
            {
                "name": "L3", "verified": False, "doubts": ["residual 0.9"], "world_from_ct": np.eye(4).tolist(),
                "center_in_ct": [0, 1, 2], "center_in_world": [0, 1, 2], "residual": 0.9, "edge_distance_mm": None,
                "spread_mm": 0.2,
            }
        ],
        "motions": [
            {
                "upper": "L2", "lower": "L3", "flexion": 1, "bending": 2, "torsion": 3, "left": 1, "posterior": 2,
                "superior": 3, "rotation": 4, "shift": 4,
            }
        ],
        "outputs": {"xrays/000.png": "0" * 64},
    }
).encode()  # fmt: skip
OUTLINES = json.dumps(
    {"views": [{"id": "a", "xray": "xrays/000.png", "compared": None, "outlines": {"L3": [[[1, 2], [3, 4.5]]]}}]}
).encode()
ARM = CArm(detector_pixels=(40, 32), detector_size=120)
VIEWS = [replace(ARM.view(orbital, 5.0, (0, 0, 0)), id=f"shot{orbital}") for orbital in (0, 40, 90, 130, 160)]

C_ARM: dict[str, Any] = {
    "DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 700, "PositionerPrimaryAngle": 10,
    "PositionerSecondaryAngle": -5, "ImagerPixelSpacing": [0.4, 0.4], "ShutterShape": "CIRCULAR",
    "CenterOfCircularShutter": [16, 20], "RadiusOfCircularShutter": 14,
    "WindowCenter": 9, "RescaleSlope": 2, "RescaleIntercept": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Door:
    """One reader.

    seeds: files that it accepts, as bytes. read: reads one of them by its path. name: that of the file.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], Any]

    def enter(self, folder: Path, data: bytes) -> bool:
        """Write a file and read it; whether it was accepted. Any other exception than IXGSError is a finding."""
        path = folder / self.name
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.read(path)
            except IXGSError as error:
                if not str(error).strip():
                    raise ValueError("an error without words") from error
                return False
        return True


def _written(write: Callable[[Path], object], name: str) -> bytes:
    """What a function writes to a path of that name."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


# X-rays


def _xray(path: Path) -> None:
    frame_count(path)
    try:
        read_pixels(path)
    except IXGSError as error:
        if "frames, expected one" not in str(error):
            raise
        read_pixels(path, 0)


def _png() -> list[bytes]:
    colour = np.repeat((RAMP // 256).astype(np.uint8)[..., None], 3, axis=2)
    return [
        _written(partial(Image.fromarray(array).save, format="PNG"), "a") for array in (RAMP, colour, colour[..., 0])
    ]


def _tiff() -> list[bytes]:
    kinds: list[tuple[np.ndarray, dict[str, Any]]] = [
        *((RAMP, {"compression": kind}) for kind in (None, "zlib")),
        (RAMP.astype(np.float32), {}),
        (RAMP, {"photometric": "miniswhite", "rowsperstrip": 5}),
        (RAMP, {"tile": (16, 16), "compression": "zlib"}),
        (np.stack([RAMP, RAMP]), {"photometric": "minisblack"}),
        (RAMP, {"byteorder": ">"}),
        (RAMP, {"bigtiff": True}),
    ]
    packed = [partial(Image.fromarray(RAMP).save, format="TIFF", compression=c) for c in ("tiff_lzw", "packbits")]
    return [
        *(_written(lambda p, a=array, o=options: tifffile.imwrite(p, a, **o), "a.tiff") for array, options in kinds),
        *(_written(write, "a.tiff") for write in packed),
    ]


def _dicom() -> list[bytes]:
    syntaxes = (ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless)
    files = [_written(partial(dicom, pixels=RAMP, bits=16, syntax=syntax), "a.dcm") for syntax in syntaxes]
    files += [_written(partial(dicom, pixels=RAMP, bits=16, **C_ARM), "a.dcm")]
    files += [_written(partial(dicom, pixels=RAMP, bits=16, preamble=False), "a.dcm")]
    files += [_written(partial(dicom, pixels=np.stack([RAMP, RAMP]), bits=16, NumberOfFrames=2), "a.dcm")]
    return [*files, _deflated(files[3])]


def _deflated(data: bytes) -> bytes:
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def _tagged(path: Path) -> None:
    """A folder of two X-rays, one of which is the file in question."""
    other = path.with_name("other.dcm")
    if not other.exists():
        dicom(other, pixels=RAMP[::-1], bits=16, **C_ARM | {"PositionerPrimaryAngle": 80})
    load_tagged(path.parent)


def _tagged_seeds() -> list[bytes]:
    return [_dicom()[3]]


# Volumes


def _itk(suffix: str, array: np.ndarray, *packed: bool) -> list[bytes]:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([0.5, 0.7, 2.0][: array.ndim])
    return [_written(lambda p, c=c: sitk.WriteImage(image, p, c), f"a{suffix}") for c in packed]


def _stacks(suffix: str) -> list[bytes]:
    return [*_itk(suffix, RAMP, False, True), *_itk(suffix, np.stack([RAMP, RAMP]), False, True)]


def _inner_nifti(path: Path) -> None:
    """A damaged file that is compressed afterwards, so that its checksum is right."""
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    read_image(path)


def _slices(path: Path) -> None:
    """A series of which the second slice is the file in question."""
    read_image(path.parent)


def _slice(n: int) -> bytes:
    tags = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT", "SeriesInstanceUID": "1.2.3",
        "PixelSpacing": [1, 1],
        "ImagePositionPatient": [0, 0, n], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "RescaleIntercept": -1024,
    }  # fmt: skip
    return _written(partial(dicom, pixels=CT[n] + 1000, bits=12, **tags), "a.dcm")


def _slices_read(path: Path) -> None:
    for n in (0, 2):
        (path.parent / f"{n}.dcm").write_bytes(_first_slices()[n])
    _slices(path)


@lru_cache(maxsize=1)
def _first_slices() -> dict[int, bytes]:
    return {n: _slice(n) for n in range(3)}


# What IXGS writes


def _own_volume() -> list[bytes]:
    return [nrrd_bytes(np.ones(GRID.shape, np.float32), GRID)]


def _cloud() -> Cloud:
    return Cloud(torch.zeros(3, 3), torch.ones(3, 3), torch.eye(4)[:3], torch.ones(3))


def _weights(path: Path) -> None:
    settings = GeneratorSettings(width=1, levels=3, group=1)
    tensors = Generator(settings).state_dict()
    save_weights(path, {"settings": settings.__dict__, "size": 64}, tensors)


def _done(path: Path) -> None:
    (path.parent / "volume.nrrd").write_bytes(b"")
    checked_output(path.parent / "volume.nrrd", read_done(path.parent))


def _done_seed() -> list[bytes]:
    content = {"format": "ixgs-done", "version": 1, "metrics": {"a": 1.0}, "outputs": {"volume.nrrd": sha256(b"")}}
    return [json.dumps(content).encode()]


def _checkpoint(path: Path) -> None:
    """The JSON of a checkpoint beside its tensors; a damaged one counts as none."""
    if not (path.parent / "checkpoint-000001.safetensors").exists():
        save_checkpoint(path.parent, 1, "key", {"a": torch.ones(3)}, {"b": 1.0})
    load_checkpoint(path.parent, "key")


def _checkpoint_seed() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), 1, "key", {"a": torch.ones(3)}, {"b": 1.0})
        return [(Path(folder) / "checkpoint-000001.json").read_bytes()]


def _lock(path: Path) -> None:
    lock = Lock(path)
    lock.check()
    lock.acquire()
    lock.release()


# Text


def _plan(path: Path) -> None:
    read_plan(path).runs()


def _plan_seeds(*, yaml: bool) -> list[bytes]:
    values = {
        "name": "Toy",
        "subjects": [{"name": "one", "ct": "sample-ct", "center": [1.0, 2.0, 3.0]}],
        "settings": {"preset": "preview", "cloud.gaussians": 100},
        "factors": {"views": [5, 10], "standardization": ["raw", "classical"]},
        "analysis": {"curve": "views"},
    }
    if yaml:
        return [json.dumps(values).encode()]  # JSON is YAML
    return [find_plan("trajectory").read_bytes(), find_plan("hard-cases").read_bytes()]


def _settings(path: Path) -> None:
    from IXGSLib.reconstruction.resolution import resolve

    resolve("preview", 3, RunRequest(path, path, settings=path).changes())


def _settings_seeds() -> list[bytes]:
    return [b'{"cloud": {"gaussians": 2000, "max_scale": 9.5}, "schedule": {"steps": 900}, "loss.gap": 0.02}',
            b'{"gaussians": 500, "steps": 20, "coarse_steps": 5, "refit_steps": 5, "seed": 3}']  # fmt: skip


def _case() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        _write_case(Path(folder))
        plain = (Path(folder) / "case.json").read_bytes()
    data = json.loads(plain)
    for view in data["views"]:
        view.pop("sha256")
    data["values"], data["i0"], data["views"][0]["i0"], data["views"][1]["frame"] = "intensity", 60000, 59000, 0
    ball = {"label": "1", "expected": [20.0, 8.5], "found": [20.3, 8.9], "radius_px": 2.5, "used": True}
    found = {"state": "calibrated", "rms_px": 0.5, "rotation_sd_deg": 0.3, "fiducials": [ball]}
    calibrated = {**data, "calibration": {"method": "fiducials", "views": {VIEWS[0].id: found}}}
    return [plain, json.dumps(data).encode(), json.dumps(calibrated).encode()]


def _write_case(folder: Path) -> None:
    everywhere = np.ones(RAMP.shape, bool)
    xrays = [XRay(view, RAMP[::-1] / 20000 + n, everywhere, "line_integral") for n, view in enumerate(VIEWS)]
    save_case(Case(tuple(xrays), GRID, "fuzz"), folder)


def _load_case(path: Path) -> None:
    if not (path.parent / "images").exists():
        data = path.read_bytes()
        _write_case(path.parent)
        path.write_bytes(data)
    load_case(path.parent)


def _credit(path: Path) -> None:
    read_credit(path.parent)


def _calibration(path: Path) -> None:
    read_calibration(path, CalibrationOptions(detector=Detector((3.0, 3.0))))


def _foreign(*writers: Callable[..., Path]) -> list[bytes]:
    found = []
    for write in writers:
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder), VIEWS)
            path = path[0] if isinstance(path, tuple) else path
            path = next(iter(sorted(path.iterdir()))) if path.is_dir() else path
            found.append(path.read_bytes())
    return found


def _text_calibrations() -> list[bytes]:
    return _foreign(
        foreign.text_rows, foreign.decimal_commas, foreign.utf16_with_names, foreign.by_columns, foreign.conrad,
        foreign.mayacam, foreign.vtkcam, foreign.astra,
    )  # fmt: skip


def _json_calibrations() -> list[bytes]:
    return _foreign(foreign.json_cameras, foreign.tigre, foreign.nerfstudio)


def _xml_calibrations() -> list[bytes]:
    return _foreign(foreign.rtk, foreign.opencv_xml)


def _matlab_calibrations() -> list[bytes]:
    return _foreign(foreign.matlab_matrices, foreign.matlab_cameras, foreign.tigre_matlab)


def _poses(write: Callable[..., Path], suffix: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return [path.read_bytes() for path in write(Path(folder), VIEWS).glob(f"*.{suffix}")]


def _registration(path: Path) -> None:
    parse_record(path.read_bytes(), path.name)


def _outlines(path: Path) -> None:
    parse_views(path.read_bytes(), path.parent, parse_record(REGISTRATION, "registration.json"))


def _pose(path: Path) -> None:
    """A transform beside its intrinsics."""
    intrinsics = {"K": VIEWS[0].K.tolist(), "size": list(VIEWS[0].size)}
    (path.parent / "intrinsics.json").write_text(json.dumps(intrinsics))
    read_calibration(path, CalibrationOptions("itk"))


DOORS = (
    Door("shot.png", _png, _xray),
    Door("shot.tiff", _tiff, _xray),
    Door("shot.dcm", _dicom, _xray),
    Door("tagged.dcm", _tagged_seeds, _tagged),
    Door("shot.nrrd", partial(_stacks, ".nrrd"), _xray),
    Door("shot.mha", partial(_stacks, ".mha"), _xray),
    Door("volume.nrrd", lambda: _itk(".nrrd", CT, False, True), read_image),
    Door("volume.mha", lambda: _itk(".mha", CT, False, True), read_image),
    Door("volume.nii", lambda: _itk(".nii", CT, False), read_image),
    Door("volume.nii.gz", lambda: _itk(".nii.gz", CT, True), read_image),
    Door("inner.nii.gz", lambda: _itk(".nii", CT, False), _inner_nifti),
    Door("1.dcm", lambda: [_slice(1)], _slices_read),
    Door("own.nrrd", _own_volume, lambda path: nrrd_content(path.read_bytes())),
    Door("truth.nrrd", _own_volume, Volume.load),
    Door("gaussians.ply", lambda: [_written(partial(save_ply, _cloud()), "a.ply")], load_ply),
    Door("weights.safetensors", lambda: [_written(_weights, "w.safetensors")], load_weights),
    Door("done.json", _done_seed, _done),
    Door("checkpoint-000001.json", _checkpoint_seed, _checkpoint),
    Door("run.lock", lambda: [b'{"pid": -1, "host": "x", "token": "00"}', b""], _lock),
    Door("settings.json", _settings_seeds, _settings),
    Door("plan.toml", partial(_plan_seeds, yaml=False), _plan),
    Door("plan.yaml", partial(_plan_seeds, yaml=True), _plan),
    Door("case.json", _case, _load_case),
    Door("CREDIT.txt", lambda: [b"CC BY 3.0, somebody\n"], _credit),
    Door("matrices.txt", _text_calibrations, _calibration),
    Door("calibration.json", _json_calibrations, _calibration),
    Door("geometry.xml", _xml_calibrations, _calibration),
    Door("camera.yml", lambda: _foreign(foreign.opencv_calibration), _calibration),
    Door("matrices.npy", lambda: _foreign(foreign.numpy_last), _calibration),
    Door("cameras.npz", lambda: _foreign(foreign.npz_cameras), _calibration),
    Door("cameras.mat", _matlab_calibrations, _calibration),
    Door("pose.tfm", partial(_poses, foreign.itk, "tfm"), _pose),
    Door("start.tfm", lambda: [tfm_bytes(np.eye(4))], read_tfm),
    Door("registration.json", lambda: [REGISTRATION], _registration),
    Door("outlines.json", lambda: [OUTLINES], _outlines),
    Door("points.mrk.json", lambda: [MARKUPS, b'{"L3": [1, 2, 3]}'], read_points),
    Door("names.json", lambda: [b'{"27": "L5", "28": "L4"}', b'{"sacrum": 1}'], read_names),
    Door("pose.mat", partial(_poses, foreign.slicer, "mat"), _pose),
)
