"""Pages in docs/studies from finished studies.

    python -m Testing.benchmarks.studies.publish NAME STUDY_FOLDER [--small]     store the records of a study, and write
    python -m Testing.benchmarks.studies.publish                                 write all pages from what is stored

NAME is that of a ready plan, or hard-cases-of-three (hard.py). The records go to results/NAME.json, the curves and a
picture of the worst run to Resources/Screenshots, the page to docs/studies/NAME.md. Only patients that may be shown.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from IXGSLib.files import write_atomically
from IXGSLib.studies import tables, wording
from IXGSLib.studies.curves import curves
from IXGSLib.studies.folder import RUNS, Record, Records
from IXGSLib.studies.hard_cases import condition_key, divided, is_flagged, repairs, repairs_of, summary
from IXGSLib.studies.identity import tasks
from IXGSLib.studies.page import differences_intro, shown_metrics
from IXGSLib.studies.picture import PICTURE
from IXGSLib.studies.plan import Plan, StudyRun
from IXGSLib.studies.plan_files import find_plan, read_plan
from IXGSLib.studies.worst import values_in_words, worst
from Testing.benchmarks.pages import ROOT, Part
from Testing.benchmarks.store import commit, machine, rounded
from Testing.benchmarks.studies import hard, trust
from Testing.benchmarks.studies.readings import READINGS

RESULTS = Path(__file__).with_name("results")
PAGES, PICTURES = ROOT / "docs" / "studies", ROOT / "Resources" / "Screenshots"
LIMITS = Part(ROOT / "docs" / "trust.md", "limits", "Testing/benchmarks/studies/publish.py")
SVG_STYLE = """<style>
svg { background: #fff; font-family: "DejaVu Sans", sans-serif; } text { fill: #5c666f; } line { stroke: #d9dde1; }
</style>"""
JPEG_QUALITY = 85


def main(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("--")]
    if words:
        store(words[0], Path(words[1]), "--small" in arguments)
    for path in sorted(RESULTS.glob("*.json")):
        write(path.stem)
    LIMITS.write(markdown(trust.limits_table()))
    return 0


def plan_of(name: str, small: bool) -> Plan:
    return hard.described() if name == hard.NAME else read_plan(find_plan(name), small)


def store(name: str, folder: Path, small: bool) -> None:
    """Keep the records of a finished study, and the picture of its worst run."""
    plan, study = hard.plan() if name == hard.NAME else plan_of(name, small), Records(folder)
    records = [study.read(task.id) for task in tasks(plan.runs(), folder)]
    finished = study.ids()
    repaired = [study.read(task.id) for task in tasks(repairs(plan, records), folder) if task.id in finished]
    content = {
        "size": "small" if small else "full",
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "records": [_kept(record) for record in records],
        "repaired": [_kept(record) for record in repaired],
    }
    RESULTS.mkdir(exist_ok=True)
    write_atomically(RESULTS / f"{name}.json", _text(content).encode())
    done = [record for record in records if record["status"] == "done"]
    with Image.open(folder / RUNS / worst(done, plan.analysis.metric)[0]["id"] / PICTURE) as picture:
        picture.convert("L").save(PICTURES / f"study_{name}.jpg", quality=JPEG_QUALITY)


def write(name: str) -> None:
    """Write the page of a stored study and its curves."""
    content = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    plan = plan_of(name, content["size"] == "small")
    drawn = curves_svg(plan, content["records"])
    if drawn:
        write_atomically(PICTURES / f"study_{name}.svg", drawn.encode())
    PAGES.mkdir(exist_ok=True)
    write_atomically(PAGES / f"{name}.md", page(name, content).encode())


def page(name: str, content: dict[str, Any]) -> str:
    """The page of a stored study as Markdown."""
    plan, records = plan_of(name, content["size"] == "small"), content["records"]
    done = [record for record in records if record["status"] == "done"]
    metrics = shown_metrics(done, plan.analysis.metric)
    parts = [f"# {plan.name}", plan.description, _origin(name, content), READINGS[name]]
    if curves_svg(plan, records):
        parts.append(f"![Curves of this study](../../Resources/Screenshots/study_{name}.svg)")
    found = tables.differences_table(plan, records, metrics)
    if found.rows:
        parts += ["## Paired differences", differences_intro(plan, records), markdown(found)]
    found = tables.conditions_table(plan, records, metrics)
    if found.rows:
        parts += ["## All conditions", markdown(found)]
    hard_ones, others = divided(plan, done)
    if plan.repair and hard_ones:
        parts += ["## Failures", summary(plan, hard_ones, others), markdown(hard_runs(plan, hard_ones))]
        whole = with_all_repairs(plan, hard_ones, content["repaired"])
        if whole:
            parts += ["## Causes", hard.explanation(len(whole), len(hard_ones))]
            parts.append(markdown(tables.causes_table(plan, whole, content["repaired"])))
        parts += ["## Flagged by verdicts and warnings", hard.FLAGS, markdown(tables.alarms_table(hard_ones, others))]
        if name == hard.NAME:
            some = trust.runs(plan, [*records, *content["repaired"]])
            parts += ["## How the limits were chosen", trust.explanation(some)]
            parts.append(markdown(trust.verdicts_table(some, runs_of_others())))
    elif any(record["warnings"] for record in done):
        parts += ["## Warnings", markdown(tables.warnings_table(done))]
    if len(done) < len(records):
        parts += ["## Failed runs", markdown(tables.failures_table(plan, records))]
    return "\n\n".join([*parts, "## The worst run", _worst(name, plan, done, metrics), _end(), ""]).rstrip() + "\n"


def runs_of_others() -> list[trust.Run]:
    """The runs of the other stored studies, without those that are in several of them."""
    found: dict[str, trust.Run] = {}
    for path in sorted(RESULTS.glob("*.json")):
        if path.stem != hard.NAME:
            content = json.loads(path.read_text(encoding="utf-8"))
            plan = plan_of(path.stem, content["size"] == "small")
            for record in content["records"]:
                for run in trust.runs(plan, [record]):
                    found[record["id"]] = run
    return list(found.values())


def with_all_repairs(plan: Plan, hard_ones: Sequence[Record], repaired: Sequence[Record]) -> list[Record]:
    """The hard cases of which every repair has been computed."""
    computed = {condition_key(each["subject"], each["condition"]) for each in repaired}

    def is_computed(run: StudyRun) -> bool:
        return condition_key(run.subject.name, rounded(run.condition.as_dict())) in computed

    return [record for record in hard_ones if all(map(is_computed, repairs_of(plan, record)))]


def hard_runs(plan: Plan, hard_ones: Sequence[Record]) -> tables.Table:
    """A row for each hard case, the worst first."""
    names = ["subject", *(setting for setting, _ in _varied(plan, hard_ones[0]))]
    rows = [
        [
            record["subject"],
            *(value for _, value in _varied(plan, record)),
            *(wording.number(record["metrics"].get(name)) for name in ("bone_dice", "bone_surface_distance")),
            "yes" if is_flagged(record) else "no",
        ]
        for record in worst(hard_ones, plan.analysis.metric)
    ]
    head = [*names, "Dice", "surface, mm", "flagged"]
    return tables.Table(head, rows, range(len(names), len(head) - 1))


def curves_svg(plan: Plan, records: Sequence[Record]) -> str:
    """The first two curves of a study beside each other, as an SVG that stands alone; empty without a curve."""
    done = [record for record in records if record["status"] == "done"]
    html = curves(plan, done, shown_metrics(done, plan.analysis.metric)[:2])
    drawn = re.findall(r'<svg class="plot" viewBox="0 0 (\d+) (\d+)".*?>(.*?)</svg>', html, re.DOTALL)
    names = re.findall(r'background:(#\w+)"></span> (.*?)</span>', html)
    if not drawn:
        return ""
    width, height = int(drawn[0][0]), int(drawn[0][1])
    parts = [f'<g transform="translate({n * width} 26)">{inner}</g>' for n, (_, _, inner) in enumerate(drawn)]
    legend = "".join(
        f'<rect x="{20 + 170 * n}" y="8" width="11" height="11" style="fill:{colour}"/>'
        f'<text x="{37 + 170 * n}" y="18" font-size="12.5">{name}</text>'
        for n, (colour, name) in enumerate(names)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(drawn)} {height + 26}">{SVG_STYLE}'
        f'<rect width="100%" height="100%" style="fill:#fff"/>{legend}{"".join(parts)}</svg>\n'
    )


def markdown(content: tables.Table) -> str:
    """A table as Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"

    rule = ["---:" if column in content.numbers else "---" for column in range(len(content.head))]
    return "\n".join([line(content.head), line(rule), *map(line, content.rows)])


def _origin(name: str, content: dict[str, Any]) -> str:
    command = hard.COMMAND if name == hard.NAME else f"ixgs study {name} --small --out FOLDER"
    if content["size"] == "full":
        command = command.replace(" --small", "")
    minutes = sum(record["seconds"] or 0 for record in (*content["records"], *content["repaired"])) / 60
    count = len(content["records"]) + len(content["repaired"])
    full = " Without `--small` the runs are those of regular use, and more of them." if "--small" in command else ""
    return (
        f"**{content['size'].capitalize()} size**, `{command}`: {count} runs, {minutes:.0f} minutes of one CPU that "
        f"other work shared, on {content['machine']}, {content['date']}.{full} {hard.PATIENTS.get(name, hard.SAMPLE)}"
    )


def _worst(name: str, plan: Plan, done: Sequence[Record], metrics: Sequence[str]) -> str:
    first = worst(done, plan.analysis.metric)[0]
    settings = ", ".join(f"{key} {value}" for key, value in _varied(plan, first))
    return (
        f"![Slices of the worst run above those of the truth](../../Resources/Screenshots/study_{name}.jpg)\n\n"
        f"*{first['subject']}: {settings}. {values_in_words(first, metrics[:3])}. Above the volume, below the truth. "
        f"{hard.CREDITS.get(first['subject'], hard.CREDIT)}.*"
    )


def _varied(plan: Plan, record: Record) -> list[tuple[str, str]]:
    values = record["condition"]
    return [(wording.setting(n).split(",")[0].lower(), wording.level(values.get(n))) for n in plan.varied]


def _end() -> str:
    return "[How studies work](../studies.md). Research use only. Not a medical device."


def _kept(record: Record) -> Record:
    """A record without the model of the C-arm, which the plan names, and with rounded numbers."""
    return rounded({name: value for name, value in record.items() if name not in ("c_arm", "format", "version")})


def _text(content: dict[str, Any]) -> str:
    """JSON with a line for each record."""
    lists = {key: ",\n  ".join(map(json.dumps, content[key])) for key in ("records", "repaired")}
    head = ",\n".join(f" {json.dumps(key)}: {json.dumps(each)}" for key, each in content.items() if key not in lists)
    tail = ",\n".join(f' "{key}": [\n  {text}\n ]' if text else f' "{key}": []' for key, text in lists.items())
    return f"{{\n{head},\n{tail}\n}}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
