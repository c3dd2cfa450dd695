"""Hard cases of three patients: the search of the ready plan, with CTs in voxels of 2.5 mm.

    python -m Testing.benchmarks.studies.hard STUDY_FOLDER [--workers N]

It needs the CTs in the data folder beside the checkout, of which small copies are made in the build folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from IXGSLib.cli.displays import display
from IXGSLib.runs.events import Reporter
from IXGSLib.studies.backends import LocalProcesses
from IXGSLib.studies.execution import run_study
from IXGSLib.studies.plan import Plan
from IXGSLib.studies.plan_files import plan_from, read_plan
from Testing.benchmarks.pages import ROOT
from Testing.benchmarks.sample.make_ct import small_ct
from Testing.benchmarks.scene import DATA

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "hard-cases-of-three"
PLAN = Path(__file__).with_name(f"{NAME}.toml")
BUILD = ROOT / "build" / "benchmarks" / "studies"
COPIES = {"thoracic": ("ct_lidc_0314", -590.0), "thoracolumbar": ("ct_crlm_1006", -280.0)}
"""Folder of a CT, and the height around which it is cut, LPS mm."""
COMMAND = "python -m Testing.benchmarks.studies.hard FOLDER"
SAMPLE = "The patient is that of the sample CT, on which the network was not trained."
PATIENTS = {NAME: "The network was trained on other patients than *lumbar*, which is that of the sample CT."}
CREDIT = "CT: TCGA-OV, The Cancer Imaging Archive, CC BY 3.0"
CREDITS = {
    "thoracic": "CT: LIDC-IDRI, The Cancer Imaging Archive, CC BY 3.0",
    "thoracolumbar": "CT: Colorectal-Liver-Metastases, The Cancer Imaging Archive, CC BY 4.0",
}
EXPLANATION = """\
computed again with one of its settings at a time at a favourable value. Its cause is the setting whose repair lifts it
above both limits, and of several the one that gains most."""
FLAGS = """\
Hard cases are *flagged* by the verdict of their run, [review with care](../trust.md#can-this-volume-be-trusted). The
same verdict on another run is a false alarm. Warnings, which name single faults of X-rays and poses and how to cure
them, are counted in the same way. In brackets: 95 % intervals as if runs were independent, which those of one patient
are not."""


def explanation(computed: int, total: int) -> str:
    """What causes are, and for how many of all failures they were looked for."""
    which = "Each of them was" if computed == total else f"Each of {computed} of the {total} failures was"
    return f"{which} {EXPLANATION}"


def plan() -> Plan:
    """The plan, with small copies of the CTs beside its file; they are made where they are missing."""
    for name, (folder, height) in COPIES.items():
        path = BUILD / f"{name}.nii.gz"
        if not path.exists():
            BUILD.mkdir(parents=True, exist_ok=True)
            small_ct(DATA / folder / "ct.nii.gz", height, path)
    return read_plan(PLAN)


def described() -> Plan:
    """The plan as pages describe it, with the sample CT in place of the copies, which need not exist."""
    data = tomllib.loads(PLAN.read_text(encoding="utf-8"))
    subjects = [{"name": each["name"], "ct": "sample-ct"} for each in data["subjects"]]
    return plan_from({**data, "subjects": subjects}, PLAN.parent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    with Reporter(display(False)) as reporter:
        run_study(plan(), options.folder, reporter, LocalProcesses(options.workers))


if __name__ == "__main__":
    main()
