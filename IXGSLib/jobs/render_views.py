"""Render the cloud of a run from the views of a reading: renders.json, and for each view two pictures in one window.

Views whose poses the run refined are rendered from their final poses.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..evaluation import compare_views
from ..formats.geometry_json import view_from_json
from ..gaussians import Cloud
from ..gaussians.ply import load_ply
from ..geometry import View
from ..rendering import project
from ..runs.events import Reporter
from ..runs.records import RUN, final_views, read_record
from ..xray import XRay
from ..xray.windowing import grey_window, to_grey
from .pictures import save_picture
from .process import run_job


def main(reporter: Reporter) -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--reading", type=Path, required=True, help="folder that the job read_case has written")
    parser.add_argument("--out", type=Path, required=True, help="existing folder for the pictures")
    options = parser.parse_args()
    cloud = load_ply(options.run / "gaussians.ply")
    used = set(read_record(options.run / RUN)["case"]["views"])
    reading = json.loads((options.reading / "reading.json").read_text(encoding="utf-8"))
    final, pairs = final_views(options.run), []
    for entry in reading["xrays"]:
        view = view_from_json(entry["view"])
        if view.id in final:
            view = replace(view, world_from_camera=final[view.id].world_from_camera)
        pair = write_pair(entry["files"], view, cloud, options)
        pairs.append(pair | {"used": pair["id"] in used})
    (options.out / "renders.json").write_text(json.dumps(pairs), encoding="utf-8")


def write_pair(stem: str, view: View, cloud: Cloud, options: Namespace) -> dict[str, Any]:
    """Write an X-ray and the cloud rendered from its view; returns the names of both pictures and their PSNR in dB.

    stem: how the names of its files in the reading begin.
    """
    reading, out = options.reading, options.out
    xray = XRay(view, np.load(reading / f"{stem}.npy"), np.load(reading / f"{stem}-mask.npy"))
    with torch.no_grad():
        render = project(cloud, view).cpu().numpy()
    low, high = grey_window(xray.image, xray.mask)
    names = {"measured": f"{stem}-measured.png", "rendered": f"{stem}-rendered.png"}
    save_picture(out / names["measured"], to_grey(np.where(xray.mask, xray.image, low), low, high))
    save_picture(out / names["rendered"], to_grey(render, low, high))
    return {"id": view.id, **names, "psnr": compare_views([render], [xray]).psnr[0]}


if __name__ == "__main__":
    run_job(main)
