"""Standardises one view of a case: before.png and after.png, in one grey window each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .request import Request, tell

SIDE = 512
"""Pixels along the longer side of the pictures, at most."""


def main() -> None:
    from dataclasses import replace

    request = Request.parsed(method=str, weights=Path, view=str)
    from ..messages import collect_warnings
    from ..standardization import StandardizationSettings, standardize

    case = request.load()
    one = replace(case, xrays=tuple(xray for xray in case.xrays if xray.view.id == request.view))
    settings = StandardizationSettings(method=request.method, weights=request.weights)
    with collect_warnings() as messages:
        made = standardize(one, settings)
    for name, shown in (("before", one), ("after", made)):
        save(shown.xrays[0], request.out / f"{name}.png")
    record = made.standardization
    tell("standardized", method=record.method if record else "none", warnings=list(messages))


def save(xray: Any, path: Path) -> None:
    from PIL import Image

    from ..scene.xrays import grey
    from ..xray.reduction import reduced

    Image.fromarray(grey(reduced(xray, -(-max(xray.view.size) // SIDE)))).save(path)


if __name__ == "__main__":
    from .request import run

    run(main)
