"""The page of trust: every case has its row, and every test that it names exists."""

import re

from Testing.markdown import ROOT

PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
CASES = 52


def test_every_case_has_one_row():
    assert [int(n) for n in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == list(range(1, CASES + 1))


def test_every_test_that_the_page_names_exists():
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > CASES - 5
    for file, test in named:
        path = ROOT / file if file.startswith(("Testing/", "IXGSLib/")) else ROOT / "Testing" / file
        assert path.is_file(), file
        assert f"def {test}(" in path.read_text(encoding="utf-8") or not test, test


def test_limits_are_those_of_the_code():
    from IXGSLib.formats.calibrations.matlab import MAX_BYTES
    from IXGSLib.formats.calibrations.numpy_files import MAX_ARRAY_BYTES
    from IXGSLib.formats.credit import MAX_BYTES as MAX_CREDIT
    from IXGSLib.parsing import MAX_IMAGE_BYTES, MAX_TEXT_BYTES
    from IXGSLib.rasters.raster import MAX_HEADER_BYTES
    from IXGSLib.reconstruction.settings import MAX_GAUSSIANS
    from IXGSLib.volume.nifti import MAX_VOXELS
    from IXGSLib.xray.dicom.objects import MAX_INFLATED_BYTES
    from IXGSLib.xray.pixels import MAX_PIXELS

    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert rows["an X-ray"] == f"{MAX_PIXELS / 1e6:.0f} million pixels, {MAX_IMAGE_BYTES >> 30} GiB in a file"
    assert rows["a volume"] == f"{MAX_VOXELS / 1e9:.1f} billion voxels"
    assert rows["JSON, text, calibrations"] == f"{MAX_TEXT_BYTES >> 20} MiB"
    assert MAX_BYTES == MAX_ARRAY_BYTES
    assert rows["arrays in NumPy and MATLAB calibrations"] == f"{MAX_BYTES >> 20} MiB after decompression"
    assert rows["deflated DICOM"] == f"{MAX_INFLATED_BYTES >> 20} MiB after decompression"
    assert rows["header of NRRD and MetaImage"] == f"{MAX_HEADER_BYTES >> 20} MiB"
    assert rows["CREDIT.txt"] == f"{MAX_CREDIT >> 20} MiB"
    assert rows["Gaussians"] == f"{MAX_GAUSSIANS // 10**6} million"
