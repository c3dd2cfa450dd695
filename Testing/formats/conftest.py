"""The folder of a small case."""

import pytest

from IXGSLib.formats import save_case
from Testing.formats.cases import a_case


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "Fall 1 – Wirbelsäule"
    save_case(a_case(), path)
    return path
