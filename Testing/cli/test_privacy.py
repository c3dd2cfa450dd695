import getpass
import socket

SECRETS = (b"DOE", b"JOHN", b"4711SECRET")


def test_no_patient_and_no_place_in_what_is_written_and_said(case, intensities, fake, ixgs, tmp_path):
    assert all(secret in (intensities / "images" / "0.dcm").read_bytes() for secret in SECRETS)
    flags = ("--test", case / "test.json", "--truth", case / "truth.nrrd", "--json")
    code, out, err = ixgs("reconstruct", intensities, "--out", tmp_path / "out", *flags)
    assert code == 0, err
    place = [f'"{socket.gethostname()}"'.encode(), f"/{getpass.getuser()}/".encode()]
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"run.json", "done.json", "report.html", "volume.nrrd", "case.json"} <= written.keys()
    texts = written | {"said": (out + err).encode()}
    for name, text in texts.items():
        for secret in SECRETS:
            assert secret not in text, name
        assert str(tmp_path).encode() not in text or name == "said"
        for word in place if name.endswith((".json", ".jsonl")) else ():
            assert word not in text, name
