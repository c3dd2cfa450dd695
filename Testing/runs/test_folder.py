"""What a run that was killed leaves in its folder does not stand in the way of the next one."""

import pytest

from IXGSLib.errors import IXGSError
from IXGSLib.runs.folder import RunFolder


@pytest.mark.parametrize("name", ["run.lock", ".run.json.abc.tmp", ".run.lock.abc.tmp"])
def test_a_run_killed_at_its_start_is_followed_by_another(tmp_path, name):
    (tmp_path / name).write_text("")
    with RunFolder(tmp_path, {}) as folder:
        assert {path.name for path in tmp_path.iterdir()} <= {"run.json", "run.lock", ".run.lock.abc.tmp"}
        folder.update({"seed": 3})
    assert '"seed": 3' in (tmp_path / "run.json").read_text()


def test_pictures_of_patients_in_temporary_folders_are_swept(tmp_path):
    with RunFolder(tmp_path / "out", {}):
        pass
    left = tmp_path / "out" / ".standardized.abc.tmp" / "images"
    left.mkdir(parents=True)
    (left / "ap.tiff").write_bytes(b"a patient")
    with RunFolder(tmp_path / "out", {}, resume=True):
        assert not left.exists()


def test_a_folder_with_other_hidden_files_is_refused(tmp_path):
    (tmp_path / ".notes").write_text("mine")
    with pytest.raises(IXGSError, match="holds other files"), RunFolder(tmp_path, {}):
        pass
