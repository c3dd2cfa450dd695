import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
FINDS = """
import json, sys
sys.path[:0] = {paths}
import IXGSLib
from IXGSLib.formats import load_case
from IXGSLib.resources import resource
case = load_case(resource("SampleCase"))
print(json.dumps([IXGSLib.__file__, str(resource("SampleCase")), len(case.views)]))
"""


@pytest.fixture(scope="session")
def extension():
    """Packaging/extension.py as a module."""
    spec = importlib.util.spec_from_file_location("extension", ROOT / "Packaging" / "extension.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def found():
    """found(folder): where a new Python finds IXGS's files with only that folder and the dependencies on its path."""

    def run(folder):
        # -S keeps out the editable install of this checkout; the dependencies come back by the folder of one of them.
        code = FINDS.format(paths=[str(folder), str(Path(numpy.__file__).parents[1])])
        command = [sys.executable, "-S", "-E", "-P" if sys.version_info >= (3, 11) else "-s", "-c", code]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        package, sample, views = json.loads(done.stdout)
        return Path(package).parent, Path(sample), views

    return run
