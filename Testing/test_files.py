"""Files are complete or absent, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from IXGSLib.errors import IXGSError
from IXGSLib.files import sha256, write_atomically, write_folder


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", bytes(100_000)])
def test_what_is_written_is_read_back_and_no_other_file_is_left(tmp_path, data):
    path = tmp_path / "volume Wirbelsäule 1.nrrd"
    write_atomically(path, data)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_replaced_and_a_relative_path_understood(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("run.json", b"a longer first version")
    write_atomically("run.json", b"second")
    assert (tmp_path / "run.json").read_bytes() == b"second"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_the_file_is_as_readable_as_any_other(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "run.json", b"{}")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o640


def test_a_folder_that_cannot_be_written_is_named_with_the_cure(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    for path in (tmp_path / "file" / "run.json", tmp_path / "absent" / "run.json"):
        with pytest.raises(IXGSError, match=r"run\.json: cannot be written .*write permission and free space"):
            write_atomically(path, b"{}")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_in_the_place_of_the_file_is_kept(tmp_path):
    (tmp_path / "run.json" / "inside").mkdir(parents=True)
    with pytest.raises(IXGSError, match=r"run\.json: cannot be written"):
        write_atomically(tmp_path / "run.json", b"{}")
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    assert (tmp_path / "run.json" / "inside").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "volume.nrrd"
    path.write_bytes(b"old")
    script = textwrap.dedent("""
        import resource, sys
        from IXGSLib.errors import IXGSError
        from IXGSLib.files import write_atomically

        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_atomically(sys.argv[1], bytes(100_000))
        except IXGSError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=60)
    assert "volume.nrrd: cannot be written" in done.stdout
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize(
    ("failure", "raised"),
    [(OSError(errno.ENOSPC, "No space left"), IXGSError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failure_at_any_step_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, step, failure, raised):
    def fail(*_):
        raise failure

    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(raised):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_digest_is_that_of_fips_180():
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.skipif(os.name != "posix", reason="the process ends itself by a signal")
def test_what_a_killed_process_left_is_swept_and_what_others_write_is_not(tmp_path):
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
from pathlib import Path
from IXGSLib.files import write_folder
def write(whole):
    (whole / "image").write_text("a patient")
    os.kill(os.getpid(), signal.SIGKILL)
write_folder({str(tmp_path / "new")!r}, write)
"""
    subprocess.run([sys.executable, "-c", script])
    (left,) = tmp_path.glob(".new.*.tmp")
    assert (left / "whole" / "image").exists()
    working = left.with_name(left.name.replace(left.name.split("-")[1].split(".")[0], str(os.getppid())))
    working.mkdir()
    (tmp_path / ".new.notes.tmp").mkdir()
    write_folder(tmp_path / "new", lambda whole: (whole / "a").write_text("a"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".new.notes.tmp", working.name, "new"])
