"""How much of pedicle screws, a fracture and a lytic lesion survives standardisation in 3D.

    python Testing/benchmarks/standardization/inserts.py
        [--weights FILE] [--preset NAME] [--again METHOD ...] [--table] [--out FOLDER]

All three are inserted into the CT of a patient that the network was not trained on. The CTs without and with them are
simulated realistically with the same noise, standardised and reconstructed, and the change in the volumes is compared
with the change in the truth. Each result is stored in inserts.json at once, and stored results are skipped; the table
is INSERTS.md. The options are those of study.py, whose volumes serve as the volumes without inserts.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from IXGSLib.geometry import Grid
from IXGSLib.reconstruction.settings import Preset
from IXGSLib.simulation.attenuation import all_tissue, bone_enhanced
from IXGSLib.simulation.beam import DENSITY_G_CM3, mass_attenuation
from IXGSLib.simulation.lesions import Ellipsoid, Solid, share, upright_plate
from IXGSLib.simulation.realistic_case import simulate_realistic
from IXGSLib.simulation.region import means, slabs
from IXGSLib.simulation.solids import Capsule, thickness
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import WATER
from IXGSLib.volume.images import read_image
from Testing.benchmarks.pages import REAL_XRAYS, Part
from Testing.benchmarks.standardization import exposures
from Testing.benchmarks.standardization.contrast import Template, locations, survival, template
from Testing.benchmarks.standardization.exposures import (
    CT,
    IMAGING,
    METHODS,
    SETTINGS,
    Exposure,
    Method,
    Networks,
    digest,
    kept,
    made,
)
from Testing.benchmarks.standardization.lesions import Rod, filled
from Testing.benchmarks.standardization.study import chosen, is_stored, left_out, lumbar, parser
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("inserts.json")
RESULTS = Path(__file__).with_name("INSERTS.md")
PART = Part(REAL_XRAYS, "inserts table", "Testing/benchmarks/standardization/inserts.py")
SCREWS = tuple(
    Capsule(np.array(head), np.array(tip), 3.0)
    for head, tip in (
        ((-39.0, 76.0, 1296.0), (-25.0, 33.0, 1294.0)),
        ((11.0, 76.0, 1296.0), (-2.0, 33.0, 1294.0)),
    )
)
"""Two pedicle screws of 6 mm in one vertebra, LPS mm."""
INSERTS: dict[str, tuple[Solid, ...]] = {
    "pedicle screws, 6 mm": tuple(Rod(screw) for screw in SCREWS),
    "fracture, 2 mm": (upright_plate(np.array([-14.0, 46.0, 1331.0]), (0.8, 0.6), np.array([2.0, 40.0, 24.0])),),
    "lytic lesion, 16 mm": (Ellipsoid(np.array([-20.0, 36.0, 1259.0]), np.full(3, 8.0)),),
}
"""Inserts, each in a separate vertebra; tissue is removed where metal is inserted."""
METAL = ("pedicle screws, 6 mm",)
TITANIUM = mass_attenuation("titanium") * DENSITY_G_CM3["titanium"] / 10
"""Attenuation at 70 keV, 1/mm."""
EXPLANATION = """\
Two titanium pedicle screws, a gap of 2 mm through a vertebral body and a ball of soft tissue in another were put into
the CT of a patient that the network was not trained on. X-rays without and with them have the same noise. Contrast is
the mean attenuation in an insert's voxels less that in the shell of 1.5 to 5 mm around it. What the inserts change of
it in a volume, over what they change of it in the truth, is the part that survives: 1 is all of it, 0 nothing, less
than 0 the wrong way round. The truth of the X-rays as they are is the attenuation of all tissue at 70 keV, of the
others that of bone and metal. d' is the change over the standard deviation of the same contrast at up to 200 other
places with as much bone, in the volume without inserts: below 1 nobody can tell the insert from the spine and the
artefacts around it. It does not depend on the scale of a volume, what survives does. The clean targets show the metal
too; the network is trained to leave metal out."""

Run = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Truth:
    """Attenuation in the region, 1/mm [k, j, i], without and with all inserts; of bone and of all tissue."""

    bone: tuple[np.ndarray, np.ndarray]
    tissue: tuple[np.ndarray, np.ndarray]
    templates: dict[str, Template]

    def of(self, method: Method) -> tuple[np.ndarray, np.ndarray]:
        """The truth for volumes of this method."""
        return self.tissue if method == "raw" else self.bone


def main(arguments: list[str]) -> int:
    options = parser(__doc__ or "").parse_args(arguments)
    store = Store(options.out / STORE.name if options.out else STORE)
    if not options.table:
        _measure(store, options.preset, left_out(options.weights, options.bone_weights), options.again)
    text = results(store.content, options.preset)
    (options.out / RESULTS.name if options.out else RESULTS).write_text(text, encoding="utf-8")
    if not options.out and options.preset == "standard":
        PART.write(detectability_table(store.content, "standard"))
    return 0


def _measure(store: Store, preset: Preset, networks: Networks | None, again: list[str]) -> None:
    candidates = [(method, None if networks is None else networks.of(method)) for method in chosen(networks)]
    methods = [
        (method, used)
        for method, used in candidates
        if method in again or not is_stored(store, f"inserts-{preset}", method, used)
    ]
    if not methods:
        return
    store.check_machine([(f"inserts-{preset}", method, 0) for method, _ in methods])
    hounsfield, grid = read_image(CT)
    pair = (lumbar(), with_inserts(hounsfield, grid))
    known = truth(hounsfield, grid, pair[0].truth.grid)
    for method, used in methods:
        volumes = tuple(_volume(exposure, method, preset, used, method in again) for exposure in pair)
        run: Run = {"case": f"inserts-{preset}", "method": method, "seed": 0, "weights": digest(used)}
        store.add(run | {"inserts": survivals(known, method, (volumes[0], volumes[1]))})
        print(f"{method}: measured", flush=True)


def with_inserts(hounsfield: np.ndarray, grid: Grid) -> Exposure:
    """The exposure of `standardization.lumbar` with all inserts; its targets show the metal."""
    solids = [solid for insert in INSERTS.values() for solid in insert]

    def make():
        return simulate_realistic((filled(hounsfield, share(solids, grid)), grid), SETTINGS, IMAGING, SCREWS)

    places_of = {name: [repr(vars(solid)) for solid in insert] for name, insert in INSERTS.items()}
    definition = {**exposures.definition(SETTINGS, IMAGING), "inserts": places_of}
    exposure = exposures.load("inserts", definition, make)
    targets = tuple(
        replace(xray, image=xray.image + np.float32(TITANIUM) * thickness(list(SCREWS), xray.view))
        for xray in exposure.targets
    )
    return replace(exposure, targets=targets)


def truth(hounsfield: np.ndarray, grid: Grid, region: Grid) -> Truth:
    """The truth without and with inserts, and the template of each insert."""
    seen = cache(lambda kind: _attenuation(hounsfield, grid, region, kind))
    changes = {}
    for name, solids in INSERTS.items():
        inside = filled(hounsfield, share(solids, grid))
        changes[name] = _attenuation(inside, grid, region, "bone") - seen("bone") + _metal(name, region)
    every = np.max([np.abs(change) for change in changes.values()], axis=0)
    whole = filled(hounsfield, share([solid for insert in INSERTS.values() for solid in insert], grid))
    metal = np.sum([_metal(name, region) for name in INSERTS], axis=0)
    bone = (seen("bone"), _attenuation(whole, grid, region, "bone") + metal)
    displaced = metal * (1 - WATER / TITANIUM)  # in X-rays metal replaces tissue
    tissue = (seen("tissue"), _attenuation(whole, grid, region, "tissue") + displaced)
    return Truth(bone, tissue, {name: template(change, every, region) for name, change in changes.items()})


def survivals(known: Truth, method: Method, volumes: tuple[np.ndarray, np.ndarray]) -> dict[str, dict[str, float]]:
    """How much of each insert survives in a method's volumes without and with inserts, and d' in the truth."""
    found = {}
    for name, pattern in known.templates.items():
        truths = known.of(method)
        elsewhere = locations(pattern, known.bone[0])
        wanted = survival(pattern, truths, truths, elsewhere)
        found[name] = asdict(survival(pattern, volumes, truths, elsewhere)) | {
            "true_contrast": wanted.contrast,
            "true_detectability": wanted.detectability,
            "places": len(elsewhere),
        }
    return found


def results(content: dict[str, Any], preset: Preset) -> str:
    """INSERTS.md."""
    runs = {run["method"]: run for run in content["runs"] if run["case"] == f"inserts-{preset}"}
    head = "| insert | material | contrast, 1/mm | in the truth | survives | d' | d' in the truth |"
    rows = [head, "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for name in INSERTS:
        for method, title in METHODS.items():
            if method in runs:
                rows.append(f"| {' | '.join(_cells(name, title, runs[method]['inserts'][name]))} |")
    measured = f"Measured on {measured_on(runs.values())}; {SETTINGS.views} views, preset {preset}."
    return "\n\n".join(["# What survives standardisation", measured, EXPLANATION, "\n".join(rows)]) + "\n"


def detectability_table(content: dict[str, Any], preset: Preset) -> str:
    """Markdown: d' of each insert in the volumes of each method, and in the truth of bone and metal."""
    runs = {run["method"]: run["inserts"] for run in content["runs"] if run["case"] == f"inserts-{preset}"}
    shown = [method for method in METHODS if method in runs]
    head = ["d' of", *(METHODS[method] for method in shown), "truth"]
    rows = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(shown) + 1)}"]
    for name in INSERTS:
        found = [runs[method][name]["detectability"] for method in shown]
        found.append(runs["target"][name]["true_detectability"])
        rows.append(f"| {name} | {' | '.join(f'{value:.1f}' for value in found)} |")
    return "\n".join(rows)


def _cells(name: str, title: str, found: dict[str, float]) -> list[str]:
    return [
        name,
        title,
        f"{found['contrast']:.4f}",
        f"{found['true_contrast']:.4f}",
        f"{found['part']:.2f}",
        f"{found['detectability']:.1f}",
        f"{found['true_detectability']:.1f}",
    ]


def _attenuation(hounsfield: np.ndarray, grid: Grid, region: Grid, kind: str) -> np.ndarray:
    """The means over the region's voxels, as `simulate` makes its truth."""
    values = bone_enhanced(hounsfield) if kind == "bone" else all_tissue(hounsfield)
    found = np.zeros(region.shape)
    for layers, fine in slabs(Volume(values, grid), region):
        found[layers] = means(fine, found[layers].shape)
    return found


def _metal(name: str, region: Grid) -> np.ndarray:
    """The attenuation of an insert's metal in the region; zero for inserts without metal."""
    return TITANIUM * share(INSERTS[name] if name in METAL else (), region)


def _volume(exposure: Exposure, method: Method, preset: Preset, networks: Networks | None, again: bool) -> np.ndarray:
    """The volume of a method, stored or newly made."""
    file = kept(exposure, method, preset, digest(networks))
    if again or not file.exists():
        return made(exposure, method, preset, networks).volume.values
    with np.load(file) as arrays:
        return arrays["volume"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
