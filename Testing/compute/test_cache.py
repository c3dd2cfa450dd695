"""Compiled kernels are kept for as long as their source stays the same, where nobody else can change them."""

import importlib
import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from IXGSLib.compute import cache
from IXGSLib.resources import resource

RENDER = """
import hashlib
import torch
from IXGSLib.compute.threads import set_thread_count
from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.rendering import project, voxelize
set_thread_count(1)
torch.manual_seed(0)
widths = torch.rand(300, 3) * 6 + 0.5
widths[::2] = widths[::2, :1]
widths[1::6, 0] = 0.05
values = torch.rand(300, 3) * 60 - 30, widths, torch.randn(300, 4), torch.rand(300) * 0.02
def show(render):
    cloud = Cloud(*(value.clone().requires_grad_() for value in values))
    result = render(cloud)
    (result * torch.rand(result.shape)).sum().backward()
    for tensor in (result, cloud.position.grad, cloud.scale.grad, cloud.rotation.grad, cloud.density.grad):
        print(hashlib.sha256(tensor.detach().numpy().tobytes()).hexdigest()[:16])
show(lambda cloud: voxelize(cloud, Grid.centered((0, 0, 0), (60, 60, 60), 1.5)))
show(lambda cloud: project(cloud, CArm().view(33, 12, (0, 0, 0))))
"""
"""Compiles or loads the kernels of the renderer; prints digests of its images and gradients."""
COMPILE_ONE = """
import numpy as np
from IXGSLib.compute import cache
from IXGSLib.compute.merging import sum_chunks
print(float(sum_chunks(np.ones((8, 2, 2), np.float32), 2).sum()), cache.kernel_folder())
"""
"""Compiles or loads one kernel."""

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are those of POSIX")


def run(script, **environment):
    """What a new process prints that runs a script."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": "", **environment}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def kernels():
    """Every kernel of the package, by its dispatcher."""
    modules = {path.relative_to(cache.PACKAGE.parent) for path, source in cache._kernel_sources(cache.PACKAGE)}
    modules = {path for path in modules if "cuda" not in path.parts and path.stem != "__init__"}
    found = {}
    for path in sorted(modules):
        module = importlib.import_module(".".join(path.with_suffix("").parts))
        found |= {id(each): each for each in vars(module).values() if isinstance(each, Dispatcher) and is_kernel(each)}
    return list(found.values())


def is_kernel(dispatcher):
    """Whether a compiled function is one on its own, and not a part of those that call it."""
    options = dispatcher.targetoptions
    return options.get("inline") != "always" and not options.get("forceinline")


def code_names(code):
    """The global names that a function and the functions in it use."""
    inner = [each for each in code.co_consts if hasattr(each, "co_names")]
    return {*code.co_names, *(name for each in inner for name in code_names(each))}


def indices(folder: Path) -> list[Path]:
    """numba's index files in a folder: one for each kernel."""
    return sorted(folder.rglob("*.nbi"))


@pytest.fixture
def places(tmp_path, monkeypatch):
    """places(): the kernels' folder where the user's caches are tmp_path/home and temporary files tmp_path/tmp."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(cache.numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(cache, "_user_caches", lambda: tmp_path / "home")
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path / "tmp"))
    return cache.kernel_folder.__wrapped__


@pytest.fixture
def package(tmp_path):
    """A package with kernels in compute and rendering/deep, constants of theirs, and a cli without any."""
    modules = {
        "compute/lanes.py": "kernel = 1",
        "compute/merging.py": "from .lanes import kernel",
        "rendering/deep/fill.py": "import math\nfrom ...compute.lanes import WIDTH, kernel",
        "rendering/deep/constants.py": "CUTOFF = 3.5",
        "cli/main.py": "from ..evaluation.planes import cut\n# from ..compute.lanes import kernel",
    }
    for name, text in modules.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


# Which folder belongs to which source


@pytest.mark.parametrize("name", ["compute/lanes.py", "rendering/deep/fill.py", "rendering/deep/constants.py"])
def test_a_changed_kernel_in_any_folder_is_compiled_anew(package, name):
    before = cache.source_digest(package)
    path = package / name
    path.write_text(path.read_text() + "\nx = 1")
    assert cache.source_digest(package) != before


def test_a_change_without_kernels_keeps_what_is_compiled(package):
    before = cache.source_digest(package)
    (package / "cli" / "main.py").write_text("print()")
    (package / "rendering" / "notes.txt").write_text("no module")
    assert cache.source_digest(package) == before


def test_every_folder_with_a_kernel_is_looked_at():
    decorated = re.compile(r"^@(lanes\.)?(kernel|inlined|part)$", re.MULTILINE)
    with_kernels = {p.parent for p in cache.PACKAGE.rglob("*.py") if decorated.search(p.read_text(encoding="utf-8"))}
    looked_at = {path.parent for path, _ in cache._kernel_sources(cache.PACKAGE)}
    assert with_kernels <= looked_at
    assert {"compute", "rendering", "reconstruction", "simulation"} <= {path.name for path in looked_at}
    assert cache.PACKAGE / "cli" not in looked_at


# Between runs


def test_the_first_run_has_the_bits_of_all_later_ones(tmp_path):
    """Whether every kernel is compiled, every kernel is loaded, or some are loaded and the others compiled."""
    first = run(RENDER, XDG_CACHE_HOME=str(tmp_path))
    kept = indices(tmp_path / "ixgs")
    stamps = [path.stat().st_mtime_ns for path in kept]
    assert kept
    assert run(RENDER, XDG_CACHE_HOME=str(tmp_path)) == first
    assert [path.stat().st_mtime_ns for path in indices(tmp_path / "ixgs")] == stamps
    for path in kept[::2]:
        path.unlink()
    assert run(RENDER, XDG_CACHE_HOME=str(tmp_path)) == first


def test_no_kernel_calls_another():
    """Such a call is linked differently when it is compiled and when it is loaded."""
    callers = 0
    for kernel in kernels():
        for name in code_names(kernel.py_func.__code__):
            called = kernel.py_func.__globals__.get(name)
            assert not isinstance(called, Dispatcher) or not is_kernel(called), f"{kernel.py_func.__name__}: {name}"
            callers += isinstance(called, Dispatcher)
    assert callers > 20


def test_without_compilation_the_command_says_so(tmp_path):
    """In plain Python one step of a run takes minutes."""
    words = [sys.executable, "-m", "IXGSLib", "check", str(resource("SampleCase")), "--out", str(tmp_path / "out.png")]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(cache.PACKAGE.parent)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "NUMBA_DISABLE_JIT is set, expected kernels to be compiled" in done.stderr
    assert "unset it" in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_the_users_own_choice_of_a_cache_folder_holds_and_has_a_folder_for_each_source(tmp_path):
    run(COMPILE_ONE, NUMBA_CACHE_DIR=str(tmp_path / "mine"), XDG_CACHE_HOME=str(tmp_path / "other"))
    assert indices(tmp_path / "mine" / f"kernels-{cache.source_digest()}")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("damage", [b"", b"\x80\x05garbage", bytes(400)])
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_damaged_files_are_compiled_anew_and_mended(tmp_path, suffix, damage):
    first = run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path))
    damaged = list(tmp_path.rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        path.write_bytes(damage)
    assert run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path)) == first
    assert all(path.read_bytes() != damage for path in damaged)


def test_damaged_machine_code_never_runs(tmp_path):
    first = run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path))
    (path,) = tmp_path.rglob("*.nbc")
    whole = path.read_bytes()
    start = whole.find(b"\x7fELF") + 64  # the end of the header of an object file
    damaged = whole[:start] + bytes(64) + whole[start + 64 :]
    path.write_bytes(damaged)
    assert run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path)) == first
    assert path.read_bytes() != damaged


def test_an_index_that_names_another_file_is_not_believed(tmp_path):
    first = run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path))
    (path,) = indices(tmp_path)
    whole = path.read_bytes()
    (code,) = tmp_path.rglob("*.nbc")
    name = code.name.encode()
    assert whole.count(name) == 1
    path.write_bytes(whole.replace(name, name.replace(b".nbc", b".abc")))
    assert run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path)) == first
    assert path.read_bytes() == whole


def test_processes_that_compile_a_kernel_at_once_do_not_exchange_their_code(tmp_path):
    """Both find no index; one writes its code after the other has written index and code for other types."""
    first, second = (cache._SealedFiles(str(tmp_path), "kernel", source_stamp=0) for _ in range(2))
    second._load_index = dict
    write = first._save_data

    def late(name, data):
        second.save("float64", "code for float64")
        write(name, data)

    first._save_data = late
    first.save("float32", "code for float32")
    assert first.load("float64") == "code for float64"


@posix
def test_a_full_disk_leads_to_compiling(tmp_path):
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n" + COMPILE_ONE
    total, folder = run(limited, XDG_CACHE_HOME=str(tmp_path))
    assert float(total) == 32
    assert Path(folder).is_relative_to(tmp_path)
    assert not list(tmp_path.rglob("*.nbc"))


def test_without_a_writable_cache_kernels_are_compiled_and_nothing_is_written(tmp_path):
    (tmp_path / "file").touch()
    script = "import tempfile\ntempfile.tempdir = {!r}\n".format(str(tmp_path / "file")) + COMPILE_ONE
    total, folder = run(script, XDG_CACHE_HOME=str(tmp_path / "file" / "below"), LOCALAPPDATA=str(tmp_path / "file"))
    assert (float(total), folder) == (32, "None")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


# Whose folder it is


def test_the_folder_is_new_and_for_this_user_alone(places, tmp_path):
    folder = places()
    assert folder.is_relative_to(tmp_path / "home" / "ixgs")
    if hasattr(os, "geteuid"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert places() == folder


def test_a_home_that_cannot_be_written_leads_to_a_private_temporary_folder(places, tmp_path):
    (tmp_path / "home").touch()
    folder = places()
    assert folder.parent == tmp_path / "tmp"
    if hasattr(os, "geteuid"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert f"-{os.geteuid()}-" in folder.name


def test_a_user_without_a_home_gets_no_folder_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache.numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(cache.os.path, "expanduser", lambda path: path)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    assert all(folder.is_absolute() for folder in cache._candidates("kernels-0"))


@posix
@pytest.mark.parametrize("planted", ["of another user", "open to all", "a link", "a file"])
def test_a_folder_that_others_could_have_filled_is_refused(places, tmp_path, monkeypatch, planted):
    (tmp_path / "home").touch()
    folder = places()
    if planted == "of another user":
        owner = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
        folder.rename(folder.with_name(folder.name.replace(f"-{owner}-", f"-{owner + 1}-")))
    elif planted == "open to all":
        folder.chmod(0o777)
    else:
        folder.rename(tmp_path / "elsewhere")
        if planted == "a link":
            folder.symlink_to(tmp_path / "elsewhere")
        else:
            folder.touch()
    assert places() is None


@posix
def test_what_another_user_planted_is_never_unpickled(tmp_path):
    """A pickle that runs code, sealed and named as a run leaves them, in a folder that is open to all."""
    total, folder = run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path))
    bomb = textwrap.dedent(f"""
        import hashlib, pickle, pathlib
        class Bomb:
            def __reduce__(self):
                return pathlib.Path.touch, (pathlib.Path({str(tmp_path / "owned")!r}),)
        for path in pathlib.Path({folder!r}).rglob("*.nbi"):
            content = pickle.dumps(Bomb())
            path.write_bytes(content + hashlib.sha256(content).digest())
    """)
    run(bomb)
    Path(folder).chmod(0o777)
    other, elsewhere = run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path), TMPDIR=str(tmp_path))
    assert other == total
    assert elsewhere != folder
    assert not (tmp_path / "owned").exists()
    Path(folder).chmod(0o700)
    run(COMPILE_ONE, XDG_CACHE_HOME=str(tmp_path))
    assert (tmp_path / "owned").exists(), "the bomb does not go off, so the test shows nothing"
