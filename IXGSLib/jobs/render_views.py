"""Renders the cloud of a run from the views of a case: renders.json and two PNGs for each view, in one grey window."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--reading", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    from ..gaussians.ply import load_ply

    cloud = load_ply(options.run / "gaussians.ply")
    used = set(record(options.run / "run.json")["case"]["views"])
    views = record(options.reading / "reading.json")["views"]
    found = [pair(view, cloud, options.reading, options.out) | {"used": view["id"] in used} for view in views]
    (options.out / "renders.json").write_text(json.dumps(found), encoding="utf-8")


def record(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def pair(values: dict[str, Any], cloud: Any, reading: Path, folder: Path) -> dict[str, Any]:
    """One view: the names of its two pictures and how well they agree."""
    import torch
    from PIL import Image

    from ..evaluation import compare_views
    from ..geometry import View
    from ..rendering import project
    from ..xray import XRay

    stem = values["files"]
    view = View(values["K"], values["world_from_camera"], tuple(values["size"]), values["id"])
    xray = XRay(view, np.load(reading / f"{stem}.npy"), np.load(reading / f"{stem}-mask.npy"))
    with torch.no_grad():
        render = project(cloud, view).cpu().numpy()
    low, high = np.percentile(xray.image[xray.mask], (0.5, 99.5)) if xray.mask.any() else (0.0, 1.0)
    names = {"measured": f"{stem}-measured.png", "rendered": f"{stem}-rendered.png"}
    for name, image in zip(names.values(), (np.where(xray.mask, xray.image, low), render), strict=True):
        level = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
        Image.fromarray(np.rint(255 * level).astype(np.uint8)).save(folder / name)
    return {"id": view.id, **names, "psnr": compare_views([render], [xray]).psnr[0]}


if __name__ == "__main__":
    from .request import run

    run(main)
