"""What the scripts of this folder have in common: which case, where to write, and JSON lines about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Request(argparse.Namespace):
    """The options of a script: `case`, `out`, and how to read images that are no case."""

    @classmethod
    def parsed(cls, **more: type) -> Request:
        """From the command line; `more` names further options and their types."""
        parser = argparse.ArgumentParser()
        parser.add_argument("case", type=Path)
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--calibration", type=Path)
        parser.add_argument("--values")
        parser.add_argument("--i0", type=float)
        parser.add_argument("--pixel-spacing", type=float, nargs=2)
        for name, kind in more.items():
            parser.add_argument(f"--{name}", type=kind)
        return parser.parse_args(namespace=cls())

    def load(self) -> Any:
        """The case."""
        from ..formats.case_source import CaseFlags

        flags = CaseFlags(self.calibration, self.values, self.i0, self.pixel_spacing and tuple(self.pixel_spacing))
        return flags.load(self.case)


def tell(event: str, **values: Any) -> None:
    """An event on standard output."""
    print(json.dumps({"event": event, **values}), flush=True)


def run(main: Callable[[], None]) -> None:
    """Run a script; an error becomes the last event, and it stops when its input ends."""
    from ..runs.events import JsonLines, Reporter
    from ..runs.stopping import stop_at_end_of_input, stoppable

    with stoppable(), Reporter(JsonLines()):
        stop_at_end_of_input()
        main()
