"""Render the cloud of a run from the views of a reading: renders.json, and for each view pictures in one grey window.

They are the X-ray, the render from its final pose and, where the run refined the pose, the render from the given one.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
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
from ..runs.records import RUN, final_views, read_record, refined_views
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
    render_views(options.run, options.reading, options.out)


def render_views(run: Path, reading: Path, out: Path) -> None:
    """Write the pictures of all views of a reading and renders.json, which comes last."""
    cloud = load_ply(run / "gaussians.ply")
    record = read_record(run / RUN)
    used, refined = set(record["case"]["views"]), refined_views(record)
    final, pairs = final_views(run), []
    for entry in json.loads((reading / "reading.json").read_text(encoding="utf-8"))["xrays"]:
        given = view_from_json(entry["view"])
        last = final.get(given.id, given)
        poses = {"rendered": replace(given, world_from_camera=last.world_from_camera)}
        if given.id in refined:
            poses["given"] = given
        pictures = write_pictures(reading / entry["files"], poses, cloud, out)
        pairs.append(pictures | {"used": given.id in used})
    (out / "renders.json").write_text(json.dumps(pairs), encoding="utf-8")


def write_pictures(stem: Path, poses: Mapping[str, View], cloud: Cloud, out: Path) -> dict[str, Any]:
    """Write an X-ray and the cloud rendered from poses by name; returns the names of the pictures and PSNRs in dB.

    stem: how the paths of its files in the reading begin.
    """
    view = next(iter(poses.values()))
    xray = XRay(view, np.load(f"{stem}.npy"), np.load(f"{stem}-mask.npy"))
    low, high = grey_window(xray.image, xray.mask)
    names, agreement = {"measured": f"{stem.name}-measured.png"}, {}
    save_picture(out / names["measured"], to_grey(np.where(xray.mask, xray.image, low), low, high))
    for name, pose in poses.items():
        with torch.no_grad():
            render = project(cloud, pose).cpu().numpy()
        names[name] = f"{stem.name}-{name}.png"
        save_picture(out / names[name], to_grey(render, low, high))
        agreement[name] = compare_views([render], [xray]).psnr[0]
    return {"id": view.id, **names, "psnr": agreement}


if __name__ == "__main__":
    run_job(main)
