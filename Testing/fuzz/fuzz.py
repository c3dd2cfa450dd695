"""Damaged files at every door of IXGS, until the time is up: python Testing/fuzz/fuzz.py [SECONDS] [SEED]

Each door is entered by child processes, so that a crash, a hang and memory beyond the limit are findings too. What
was found stays in Testing/fuzz/findings, with the exception; the exit code is the number of findings, at most 100.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FINDINGS = Path(__file__).parent / "findings"
SLICE_SECONDS = 12.0
"""Time in one door before the next has its turn."""
SECONDS_PER_INPUT = 30
MAX_BYTES = 2**31
"""Most memory that a process may take for damaged files of a few kilobytes."""


def main(arguments: list[str]) -> int:
    seconds, seed = float(arguments[0]) if arguments else 60.0, int(arguments[1]) if len(arguments) > 1 else 1
    from Testing.fuzz.doors import DOORS

    counts: dict[str, list[int]] = {door.name: [0, 0, 0] for door in DOORS}
    findings, end, turn = 0, time.monotonic() + seconds, 0
    start = time.monotonic()
    while time.monotonic() < end:
        order = random.Random(seed + turn).sample(range(len(DOORS)), len(DOORS))
        for n in order:
            door = DOORS[n]
            left = min(SLICE_SECONDS, seconds / len(DOORS), end - time.monotonic())
            if left > 0:
                found = _turn(n, seed * 1_000_003 + turn, left)
                counts[door.name] = [a + b for a, b in zip(counts[door.name], found, strict=True)]
                findings += found[2]
        turn += 1
    print(f"{'door':24} {'inputs':>9} {'accepted':>9} {'findings':>9}")
    for name, (inputs, accepted, wrong) in counts.items():
        print(f"{name:24} {inputs:9} {accepted:9} {wrong:9}")
    total = sum(inputs for inputs, _, _ in counts.values())
    print(f"{total} inputs in {time.monotonic() - start:.0f} s, seed {seed}: {findings} findings")
    return min(findings, 100)


def _turn(number: int, seed: int, seconds: float) -> list[int]:
    """The inputs, accepted ones and findings of one door in one child process."""
    with tempfile.TemporaryDirectory(prefix="ixgs-fuzz-") as folder:
        words = [sys.executable, __file__, "--door", str(number), str(seed), str(seconds), folder]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=folder)
        lines = done.stdout.splitlines()
        counts = json.loads(lines[-1]) if lines and lines[-1].startswith("[") else [0, 0, 0]
        if done.returncode:
            counts[2] += 1
            _keep(
                Path(folder) / "input", f"exit {done.returncode} of door {number}, seed {seed}\n{done.stderr[-4000:]}"
            )
        return counts


def enter(number: int, seed: int, seconds: float, folder: Path) -> list[int]:
    """Damage files and open them at one door for some time; returns the numbers that `_turn` does."""
    from Testing.fuzz.doors import DOORS
    from Testing.fuzz.mutation import mutated

    door, rng = DOORS[number], random.Random(seed)
    seeds = door.seeds()
    inside = folder / "inside"
    inside.mkdir()
    counts = [0, 0, 0]
    end = time.monotonic() + seconds
    signal.signal(signal.SIGALRM, _hang)
    while time.monotonic() < end:
        data = mutated(rng, rng.choice(seeds), seeds)
        (folder / "input").write_bytes(data)
        counts[0] += 1
        signal.alarm(SECONDS_PER_INPUT)
        try:
            counts[1] += door.enter(inside, data)
        except Exception:
            counts[2] += 1
            _keep(folder / "input", f"door {door.name}, seed {seed}\n{traceback.format_exc()}")
        signal.alarm(0)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MAX_BYTES:
            counts[2] += 1
            _keep(folder / "input", f"door {door.name}, seed {seed}\nmore than {MAX_BYTES} bytes of memory")
            break
    return counts


def _hang(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {SECONDS_PER_INPUT} s for one input")


def _keep(data: Path, what: str) -> None:
    """Keep an input and what it led to."""
    FINDINGS.mkdir(exist_ok=True)
    name = FINDINGS / f"{time.time_ns():x}"
    name.with_suffix(".bin").write_bytes(data.read_bytes() if data.is_file() else b"")
    name.with_suffix(".txt").write_text(what)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--door"]:
        number, seed, seconds, folder = sys.argv[2:]
        print(json.dumps(enter(int(number), int(seed), float(seconds), Path(folder))))
        sys.exit(0)
    sys.exit(main(sys.argv[1:]))
