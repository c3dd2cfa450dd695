"""How good the volumes are and how long they take, beside RTK's SART, on cases that RTK's projector made.

    python Testing/benchmarks/quality.py [--table | METHOD ...]

Every case is the bone of a CT in a 160 mm cube at 1.25 mm, seen in 256 x 256 pixels from random poses (200 degrees of
orbit, tilts up to 25), 50 000 photons a pixel.
The numbers go to quality.json beside this file and, as a table, to README.md; with --table only the table is written
anew, with METHODs only those are run anew. Needs the CTs in the data folder beside the checkout.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
RESULTS = Path(__file__).with_suffix(".json")
MARKS = ("<!-- quality table, written by Testing/benchmarks/quality.py -->", "<!-- end of quality table -->")

CASES = {
    "lumbar, TCGA-09-2043": ("ct_tcga_ov_09_2043", (-15.0, 60.0, 1300.0)),
    "thoracic, LIDC-IDRI-0314": ("ct_lidc_0314", (0.0, 245.0, -590.0)),
    "thoracolumbar, CRLM-CT-1006": ("ct_crlm_1006", (15.0, 100.0, -280.0)),
}
VIEWS = (10, 30)
METHODS = ("RTK SART, 10 iterations", "IXGS preview", "IXGS standard")
TEST_VIEWS = 10


def make_case(name: str):
    """Training views with images, test views with noise-free images, and the truth; by RTK's projector."""
    from IXGSLib.geometry.trajectory import CArm, random, trajectory
    from IXGSLib.simulation import SimulationSettings, simulate
    from Testing.benchmarks.rtk_peer import project

    folder, center = CASES[name]
    settings = SimulationSettings(center=center, crop=True, views=2, test_views=1, photons=None)
    truth = simulate(DATA / folder / "ct.nii.gz", settings).truth
    arm = CArm()
    views = trajectory(arm, random(max(VIEWS), seed=1), center)
    test = trajectory(arm, random(TEST_VIEWS, seed=2), center)
    clean = project(truth, views)
    counts = np.random.default_rng(0).poisson(50_000 * np.exp(-clean))
    images = -np.log(np.maximum(counts, 1) / 50_000).astype(np.float32)
    return views, images, test, project(truth, test), truth


def run(case: str, count: int, method: str) -> dict[str, object]:
    """One method on one case: seconds and metrics."""
    from IXGSLib.evaluation import compare_views, compare_volumes
    from IXGSLib.formats import Case
    from IXGSLib.xray import XRay

    views, images, test, unseen, truth = make_case(case)
    views, images = views[:count], images[:count]
    whole = np.ones(images[0].shape, bool)
    xrays = tuple(XRay(view, image, whole) for view, image in zip(views, images, strict=True))
    reconstructed = _method(method, Case(xrays, truth.grid, case))
    start = time.perf_counter()
    volume, renders = reconstructed(test)
    seconds = time.perf_counter() - start
    quality = compare_volumes(volume, truth).as_dict()
    seen = compare_views(renders, [XRay(v, i, whole) for v, i in zip(test, unseen, strict=True)]).as_dict()
    return {"case": case, "views": count, "method": method, "seconds": seconds} | quality | seen


def _method(name: str, case) -> Callable:
    """A function from test views to (volume, renders of the test views)."""
    if name.startswith("RTK"):
        from Testing.benchmarks import rtk_peer

        def peer(test):
            volume = rtk_peer.sart(np.stack([x.image for x in case.xrays]), case.views, case.grid)
            return volume, list(rtk_peer.project(volume, test))

        return peer

    import torch

    from IXGSLib import reconstruct
    from IXGSLib.rendering import project

    def ours(test):
        result = reconstruct(case, preset=name.split()[1])
        with torch.no_grad():
            return result.volume, [project(result.cloud, view).numpy() for view in test]

    return ours


def table(results: dict) -> str:
    """The results as Markdown."""
    lines = [
        f"Measured on {results['machine']}; {results['date']}.",
        "",
        "| case | views | method | time | PSNR | SSIM | bone Dice | surface | unseen views |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in results["runs"]:
        lines.append(
            f"| {r['case']} | {r['views']} | {r['method']} | {r['seconds']:.0f} s "
            f"| {r['volume_psnr']:.1f} dB | {r['volume_ssim']:.3f} | {r['bone_dice']:.3f} "
            f"| {r['bone_surface_distance']:.2f} mm | {r['view_psnr']:.1f} dB |"
        )
    return "\n".join(lines)


def write_table() -> None:
    """Put the table of quality.json between its marks in README.md."""
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    text = table(json.loads(RESULTS.read_text(encoding="utf-8")))
    readme.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", encoding="utf-8")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--one"]:
        print(json.dumps(run(arguments[1], int(arguments[2]), arguments[3])))
        return
    if arguments != ["--table"]:
        from IXGSLib.rendering.threads import thread_count

        stored = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if arguments else []
        kept = {(r["case"], r["views"], r["method"]): r for r in stored if r["method"] not in arguments}
        runs = []
        for case in CASES:
            for count in VIEWS:
                for method in METHODS:
                    if (case, count, method) in kept:
                        runs.append(kept[case, count, method])
                        continue
                    # A process each, so that none profits from another's memory or compiled code.
                    command = [sys.executable, "-W", "ignore", __file__, "--one", case, str(count), method]
                    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
                    runs.append(json.loads(out.splitlines()[-1]))
                    print(runs[-1], flush=True)
        machine = f"{thread_count()} cores ({_processor()}), Python {platform.python_version()}"
        results = {"machine": machine, "date": time.strftime("%Y-%m-%d"), "runs": runs}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_table()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])
