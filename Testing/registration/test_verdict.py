"""Which poses are trusted: the edges of all vertebrae together, and those of each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from IXGSLib.registration import RegistrationSettings
from IXGSLib.registration.verdict import Evidence, doubts, doubts_of_all

SETTINGS = RegistrationSettings()
NAN = float("nan")


@pytest.mark.parametrize("edges", [[0.9], [0.7, 0.8, 1.1, 1.9, 1.9], [1.4, 1.4, 6.0], [1.0, 1.9], [0.5, 0.5, NAN], []])
def test_single_vertebrae_may_be_hidden(edges):
    assert doubts_of_all(edges, SETTINGS) == ()


@pytest.mark.parametrize("edges", [[1.6], [0.4, 1.7, 1.8], [1.0, 1.0, 2.1, 2.2], [0.5, NAN, NAN], [NAN]])
def test_no_vertebra_is_trusted_where_most_do_not_fit(edges):
    assert "another patient" in doubts_of_all(edges, SETTINGS)[0]


@pytest.mark.parametrize(("edges", "trusted"), [(1.9, True), (2.1, False), (NAN, False)])
def test_a_vertebra_whose_own_edges_do_not_fit(edges, trusted):
    found = doubts(Evidence(0.3, edges, 0.2, 0.6, 60.0, 0.3, "one level higher"), SETTINGS)
    assert (found == ()) is trusted


def test_torch_is_not_imported():
    code = "import sys\nimport IXGSLib.cli.register, IXGSLib.registration.registration, IXGSLib.registration.saving\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False"]
