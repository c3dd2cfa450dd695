"""The standardisation method: auto resolved for each kind of values, without loading anything heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.standardization import StandardizationSettings, method, resolve_method

GIVEN, SHIPPED = Path("given.safetensors"), Path("shipped.safetensors")


@pytest.mark.parametrize(
    ("values", "asked", "given", "shipped", "expected"),
    [
        ("line_integral", "auto", None, SHIPPED, ("none", None)),
        ("line_integral", "auto", GIVEN, None, ("none", None)),
        ("intensity", "auto", None, SHIPPED, ("pix2pix", SHIPPED)),
        ("intensity", "auto", GIVEN, SHIPPED, ("pix2pix", GIVEN)),
        ("intensity", "auto", None, None, ("classical", None)),
        ("line_integral", "pix2pix", None, SHIPPED, ("pix2pix", SHIPPED)),
        ("line_integral", "classical", None, SHIPPED, ("classical", None)),
        ("intensity", "none", None, SHIPPED, ("none", None)),
    ],
)
def test_auto_depends_on_the_values_and_the_weights_and_nothing_else_does(
    values, asked, given, shipped, expected, monkeypatch
):
    monkeypatch.setattr(method, "shipped_weights", lambda: shipped)
    found = resolve_method(values, StandardizationSettings(method=asked, weights=given))
    assert (found.method, found.weights) == expected
    assert bool(found.message) == (asked == "auto" and expected[0] == "classical")


def test_pix2pix_without_weights_is_refused(monkeypatch):
    monkeypatch.setattr(method, "shipped_weights", lambda: None)
    with pytest.raises(SettingsError, match="pix2pix without weights"):
        resolve_method("intensity", StandardizationSettings(method="pix2pix"))


def test_nothing_heavy_is_imported_to_resolve_a_method():
    code = (
        "import sys; from IXGSLib.standardization import StandardizationSettings, resolve_method; "
        "resolve_method('intensity', StandardizationSettings()); "
        "print(sorted({'torch', 'pydicom', 'scipy', 'numba', 'numpy', 'tifffile'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]", done.stderr
