"""Quality and time of IXGS's reconstructions, compared with RTK's, on cases made with RTK's projector.

    python Testing/benchmarks/quality/bench.py [--only TEXT ...] [--again TEXT ...] [--seeds N] [--table]

Every run goes to bench.json as soon as it ends, so that the work can be interrupted; what is stored there is skipped.
--only: runs whose CASE/METHOD holds one of the texts; --again: the same, stored ones included; --table: only the tables
and pictures of what is stored. All of it takes hours, and the CTs in the data folder beside the checkout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from Testing.benchmarks import summary
from Testing.benchmarks.quality import plots, tables
from Testing.benchmarks.quality.cases import CASES
from Testing.benchmarks.quality.methods import STEPS
from Testing.benchmarks.store import Key, Store

HERE = Path(__file__).parent
EXTRA = {
    "lumbar-10": ("fine", *(f"standard-{steps}" for steps in STEPS)),
    "lumbar-30": ("fine", "standard-random", *(f"standard-{steps}" for steps in STEPS)),
    "tissue-30": ("fine", "sart-body", "fista-tv-body"),
    "circle-50": ("fdk", "standard-random"),
}
"""Methods that are run once in single cases, besides those that are run in all."""


def plan(seeds: int) -> Iterator[Key]:
    """Case, method and seed of every run."""
    for case in CASES:
        for method in ("sart", "cg", "fista-tv", *EXTRA.get(case, ())):
            yield case, method, 0
        for method in ("preview", "standard"):
            yield from ((case, method, seed) for seed in range(seeds))


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    store = Store()
    failed = 0 if options.table else _run([run for run in plan(options.seeds) if _wanted(run, options, store)], store)
    tables.write(store.content)
    summary.write()
    plots.draw(store.content)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="runs whose CASE/METHOD holds a text")
    parser.add_argument("--again", nargs="+", default=[], metavar="TEXT", help="the same, those stored measured anew")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="of the presets preview and standard")
    parser.add_argument("--table", action="store_true", help="only tables and pictures")
    return parser


def _wanted(run: Key, options: argparse.Namespace, store: Store) -> bool:
    name = "/".join(run[:2])
    again = any(text in name for text in options.again)
    only = any(text in name for text in options.only) or not (options.only or options.again)
    return again or (only and not store.has(*run))


def _run(runs: Sequence[Key], store: Store) -> int:
    """Measure and store the runs; the number of those that failed, whose errors are printed."""
    store.check_machine(runs)
    failed = 0
    for case in dict.fromkeys(case for case, _, _ in runs):
        _process(case)
    for run in runs:
        print("/".join(map(str, run)), end=": ", flush=True)
        printed = _process(*run)
        if printed is None:
            failed += 1
            print("failed", flush=True)
        else:
            found = json.loads(printed.splitlines()[-1])
            store.add(found)
            print(f"{found['volume_psnr']:.2f} dB in {found['seconds']:.1f} s", flush=True)
    return failed


def _process(*arguments: object) -> str | None:
    """The output of measure.py in a separate process; None when it fails."""
    command = [sys.executable, "-W", "ignore", str(HERE / "measure.py"), *map(str, arguments)]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        print(f"exit code {process.returncode}", file=sys.stderr, flush=True)
        return None
    return process.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
