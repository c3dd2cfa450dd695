import os
import subprocess
import sys
from pathlib import Path

from IXGSLib.compute import cache

SCRIPT = """
import torch
from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.rendering import voxelize
cloud = Cloud(torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1, 4), torch.ones(1))
print(float(voxelize(cloud, Grid.centered((0, 0, 0), (4, 4, 4), 1.0)).sum()))
"""


def voxelized(**environment):
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return float(result.stdout)


def compiled(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbi"))


def test_kernels_are_kept_in_the_users_cache_folder(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    first = voxelized(**environment)
    kept = compiled(tmp_path / "ixgs")
    stamps = [path.stat().st_mtime_ns for path in kept]
    assert kept
    assert voxelized(**environment) == first
    assert [path.stat().st_mtime_ns for path in compiled(tmp_path / "ixgs")] == stamps


def test_the_users_own_choice_of_a_cache_folder_holds(tmp_path):
    voxelized(NUMBA_CACHE_DIR=str(tmp_path / "mine"), XDG_CACHE_HOME=str(tmp_path / "other"))
    assert compiled(tmp_path / "mine")
    assert not compiled(tmp_path / "other")


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(sys, "platform", "linux")
    folder = cache.kernel_folder()
    assert not folder.is_relative_to(tmp_path)


def test_changed_source_gets_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    (tmp_path / "kernel.py").write_text("a = 1")
    before = cache.kernel_folder()
    (tmp_path / "kernel.py").write_text("a = 2")
    assert cache.kernel_folder() != before
