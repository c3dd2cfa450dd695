"""Where compiled kernels are kept between runs."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path


def kernel_folder() -> Path:
    """A folder of its own for each state of the renderer's source.

    numba only looks at a kernel's own file to see whether its machine code is out of date, and would go on with
    functions and constants that have changed in another.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return _writable() / "ixgs" / f"kernels-{digest.hexdigest()[:16]}"


def _writable() -> Path:
    """The user's cache folder, or the one for temporary files where that cannot be written."""
    home = Path.home()
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        folder = home / "Library" / "Caches"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        # A home that cannot be written is common in containers; the kernels are then compiled once a boot.
        pass
    return Path(tempfile.gettempdir())
