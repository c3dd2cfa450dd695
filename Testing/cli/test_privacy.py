import getpass
import socket

import numpy as np

from IXGSLib.formats import load_case
from Testing.xray.test_dicom import dicom

SECRETS = (b"DOE", b"JOHN", b"4711SECRET")


def test_no_patient_and_no_place_in_what_is_written_and_said(case, edit, fake, ixgs, tmp_path):
    for n, xray in enumerate(load_case(case).xrays):
        intensity = np.rint(60000 * np.exp(-xray.image)).clip(1, 60000).astype(np.uint16)
        dicom(case / "images" / f"{n}.dcm", intensity, bits=16)

    def as_dicom(data):
        data.update(values="intensity", i0=60000)
        for n, view in enumerate(data["views"]):
            view.pop("sha256")
            view["image"] = f"images/{n}.dcm"

    edit(as_dicom)
    assert all(secret in (case / "images" / "0.dcm").read_bytes() for secret in SECRETS)
    flags = ("--test", case / "test.json", "--truth", case / "truth.nrrd", "--json")
    code, out, err = ixgs("reconstruct", case, "--out", tmp_path / "out", *flags)
    assert code == 0, err
    place = [f'"{socket.gethostname()}"'.encode(), f"/{getpass.getuser()}/".encode()]
    texts = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*")} | {"said": (out + err).encode()}
    assert len(texts) == 8
    for name, text in texts.items():
        for secret in SECRETS:
            assert secret not in text, name
        assert str(tmp_path).encode() not in text or name == "said"
        for word in place if name.endswith((".json", ".jsonl")) else ():
            assert word not in text, name
