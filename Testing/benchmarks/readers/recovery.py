"""How often the analysis of a reader study finds what is known, in studies with SIMULATED ratings.

    python Testing/benchmarks/readers/recovery.py [--studies N] [--table]

Each study has 40 runs of 10 specimens with three metrics, and 3 readers who see a quarter of the runs twice and follow
one of the metrics as the model of `IXGSLib/studies/readers/simulation.py` states. The known agreement is that of very
many readers. Results are stored in recovery.json; the table in docs/readers.md is made from them, with --table without
computing. It takes a few minutes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from IXGSLib.studies.readers.analysis import analyse
from IXGSLib.studies.readers.key import Key, Run
from IXGSLib.studies.readers.ratings import Rating, Ratings
from IXGSLib.studies.readers.simulation import RatingModel, known_agreement, simulated_answers
from Testing.benchmarks.pages import ROOT, Part
from Testing.benchmarks.store import Store, measured_on

STORE = Path(__file__).with_name("recovery.json")
PART = Part(ROOT / "docs" / "readers.md", "recovery table", "Testing/benchmarks/readers/recovery.py")
RUNS, SPECIMENS, READERS, TWICE = 40, 10, 3, 10
QUESTION, FOLLOWED = "overall", "bone_surface_distance"
CASE = "simulated"


@dataclass(frozen=True)
class Scenario:
    """How readers rate, and how much the metrics that they do not follow differ from the one that they follow.

    loose: standard deviation of the noise of PSNR and SSIM, in those of the quality. own: that of the metric itself.
    """

    name: str
    model: RatingModel
    loose: float = 1.5
    own: float = 0.0


SCENARIOS = (
    Scenario("consistent readers", RatingModel(reader=0.1, reading=0.3, occasion=0.3)),
    Scenario("readers who differ", RatingModel(reader=0.5, reading=0.8, occasion=0.5)),
    Scenario("no metric is better", RatingModel(), loose=1.0, own=1.0),
)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=60, metavar="N", help="studies of each kind")
    parser.add_argument("--table", action="store_true", help="only make the table from stored results")
    options = parser.parse_args(arguments)
    store = Store(STORE)
    for scenario in () if options.table else SCENARIOS:
        if not store.has(CASE, scenario.name, 0):
            found = [study(scenario, seed) for seed in range(options.studies)]
            store.add({"case": CASE, "method": scenario.name, "seed": 0, **summary(scenario, found)})
    PART.write(table(store.content))
    return 0


def study(scenario: Scenario, seed: int) -> dict[str, Any]:
    """One study: whether the known values lie in the intervals, and what was found of the metrics."""
    key, model = key_of(scenario, seed), replace(scenario.model, seed=seed)
    quality = np.array([run.metrics["quality"] for run in key.runs.values()])
    hidden = Key({name: without_quality(run) for name, run in key.runs.items()}, key.sets, 0)
    known = known_agreement(quality, model, readers=60)
    found = analyse(ratings_of(hidden, quality, model), hidden, seed)
    agreed = found.agreements[0]
    ordered = sorted(found.correlations, key=lambda each: -each.spearman.value)
    return {
        "known inter": known.inter,
        "inter": agreed.inter_icc.value,
        "inter inside": agreed.inter_icc.low <= known.inter <= agreed.inter_icc.high,
        "known intra": known.intra,
        "intra": agreed.intra_icc.value,
        "intra inside": agreed.intra_icc.low <= known.intra <= agreed.intra_icc.high,
        "first": ordered[0].metric == FOLLOWED,
        "better": FOLLOWED in found.better[QUESTION],
    }


def key_of(scenario: Scenario, seed: int) -> Key:
    rng = np.random.default_rng([seed, 99])
    quality = rng.normal(size=RUNS)
    noise = rng.normal(size=(3, RUNS))
    runs = {}
    for n in range(RUNS):
        metrics = {
            FOLLOWED: 2 - 0.3 * (quality[n] + scenario.own * noise[0, n]),
            "volume_psnr": 30 + quality[n] + scenario.loose * noise[1, n],
            "volume_ssim": 0.9 + 0.01 * (quality[n] + scenario.loose * noise[2, n]),
            "quality": (quality[n] - quality.mean()) / quality.std(),
        }
        runs[f"run{n:02d}"] = Run(f"run{n:02d}", f"specimen{n % SPECIMENS}", metrics)
    order = [*runs, *list(runs)[:TWICE]]
    return Key(runs, {f"set-{k}": {f"{n:03d}": name for n, name in enumerate(order)} for k in range(READERS)}, 0)


def without_quality(run: Run) -> Run:
    return Run(run.name, run.specimen, {name: value for name, value in run.metrics.items() if name != "quality"})


def ratings_of(key: Key, quality: np.ndarray, model: RatingModel) -> Ratings:
    names, found = list(key.runs), []
    for reader, (set_name, numbers) in enumerate(key.sets.items()):
        indices = [names.index(run) for run in numbers.values()]
        answers = simulated_answers(quality[indices], indices, model, reader)
        for place, ((number, run), given) in enumerate(zip(numbers.items(), answers, strict=True)):
            showing = 2 if place >= RUNS else 1
            found.append(Rating(f"SIMULATED-{reader}", set_name, number, run, showing, {QUESTION: int(given[0])}))
    return Ratings(tuple(found), asdict(model), ())


def summary(scenario: Scenario, found: list[dict[str, Any]]) -> dict[str, Any]:
    means = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    return {"studies": len(found), "model": asdict(scenario.model), "means": means}


def table(content: dict[str, Any]) -> str:
    """One row for each scenario."""
    runs = {each["method"]: each for each in content["runs"]}
    lines = [
        f"Simulated; computed on {measured_on(runs.values())}.",
        "",
        "| simulated readers | studies | ICC between, known | found | in the interval | ICC within, known | found "
        "| in the interval | ranked first | called better |",
        f"| --- |{' ---: |' * 9}",
    ]
    for scenario in SCENARIOS:
        if scenario.name in runs:
            each = runs[scenario.name]
            m = each["means"]
            cells = [f"{m['known inter']:.2f}", f"{m['inter']:.2f}", percent(m["inter inside"])]
            cells += [f"{m['known intra']:.2f}", f"{m['intra']:.2f}", percent(m["intra inside"])]
            cells += [percent(m["first"]), percent(m["better"])]
            lines.append(f"| {scenario.name} | {each['studies']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
