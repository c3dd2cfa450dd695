"""Where compiled kernels are kept between runs.

numba stores compiled functions as pickles, and whoever can write them runs code of theirs in this process. They are
therefore read only from a folder that belongs to this user and that nobody else may enter.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numba
from numba.core import caching

PACKAGE = Path(__file__).resolve().parents[1]
_IMPORTS_LANES = re.compile(rb"^(?:from|import)\s[^\n#]*\blanes\b", re.MULTILINE)


def cached(dispatcher: Callable[..., Any]) -> Callable[..., Any]:
    """A function compiled by `numba.njit`, from now on kept on disk wherever `kernel_folder` finds a place."""
    if kernel_folder() is not None:
        dispatcher._cache = _KernelCache(dispatcher.py_func)  # type: ignore[attr-defined]
    return dispatcher


@lru_cache(maxsize=1)
def kernel_folder() -> Path | None:
    """The private folder of the compiled kernels for this state of their source; None where none can be had."""
    name = f"kernels-{source_digest()}"
    return next((folder for folder in _candidates(name) if _is_private(folder)), None)


def source_digest(package: Path = PACKAGE) -> str:
    """A digest of every module in the folders of a package that hold kernels.

    numba looks only at a kernel's own file to see whether its machine code is out of date, and would keep on using
    functions and constants that have changed in another.
    """
    digest = hashlib.sha256()
    for path, source in _kernel_sources(package):
        digest.update(f"{path.relative_to(package).as_posix()} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()[:16]


def _kernel_sources(package: Path) -> Iterator[tuple[Path, bytes]]:
    """The modules in all folders of which at least one module imports `compute.lanes`."""
    for folder in sorted({path.parent for path in package.rglob("*.py")}):
        sources = [(path, path.read_bytes()) for path in sorted(folder.glob("*.py"))]
        if any(b"lanes" in source and _IMPORTS_LANES.search(source) for _, source in sources):
            yield from sources


def _candidates(name: str) -> Iterator[Path]:
    """Where a folder of that name may lie: in NUMBA_CACHE_DIR if it is set, else with the user's other caches.

    A home that cannot be written is common in containers; the folder for temporary files then keeps the kernels until
    the next boot.
    """
    if numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        yield Path(numba.config.CACHE_DIR) / name  # type: ignore[attr-defined]
        return
    if (caches := _user_caches()).is_absolute():
        yield caches / "ixgs" / name
    user = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
    yield Path(tempfile.gettempdir()) / f"ixgs{user}-{name}"


def _user_caches() -> Path:
    """The folder in which the operating system wants caches; relative where the user has no home."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def _is_private(folder: Path) -> bool:
    """Whether a folder, made if need be, can be written by this user and by nobody else; False for a link to one."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
        return False
    # Windows has no such owner; both of its folders lie in the user's profile.
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


class _KernelLocator(caching.UserProvidedCacheLocator):
    """Says where the files of a kernel lie: in `kernel_folder`, and never elsewhere."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = os.path.join(str(kernel_folder()), self.get_suitable_cache_subpath(py_file))

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _KernelLocator:
        return cls(py_func, py_file)


class _KernelFiles(caching.CompileResultCacheImpl):
    _locator_classes = [_KernelLocator]  # noqa: RUF012


class _SealedFiles(caching.IndexDataCacheFile):
    """The files of a kernel, each followed by its SHA-256, which unpickling does not reach.

    numba would run damaged machine code: the process would crash, or compute wrong numbers. It also numbers the files
    of a kernel, so that processes that compile it at the same time for different types may exchange their code.
    """

    def save(self, key: Any, data: Any) -> None:
        overloads = self._load_index()
        if key not in overloads:
            types = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
            overloads[key] = f"{Path(self._index_path).stem}.{types}.nbc"
            self._save_index(overloads)
        self._save_data(overloads[key], data)

    def _load_index(self) -> Any:
        if Path(self._index_path).exists():
            _check_seal(Path(self._index_path))
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check_seal(Path(self._data_path(name)))
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BinaryIO]:
        with super()._open_for_write(filepath) as file:
            content = io.BytesIO()
            yield content
            file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def _check_seal(path: Path) -> None:
    """Raises ValueError for a file that does not end with the SHA-256 of what precedes it."""
    data = path.read_bytes()
    size = hashlib.sha256().digest_size
    if hashlib.sha256(data[:-size]).digest() != data[-size:]:
        raise ValueError(f"{path.name}: damaged")


class _KernelCache(caching.FunctionCache):
    """numba's cache, except that a damaged file or a full disk leads to compiling and not to an error."""

    _impl_class = _KernelFiles

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        files = self._cache_file
        self._cache_file = _SealedFiles(self._cache_path, self._impl.filename_base, files._source_stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle may raise anything
            self._discard()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            self._discard()

    def _discard(self) -> None:
        """Remove the index, without which the compiled code is never read."""
        with suppress(OSError):
            Path(self._cache_file._index_path).unlink()
