"""The pages match the code: links resolve, examples run, and numbers are the measured ones."""

from __future__ import annotations

import re
import shutil

import pytest

from IXGSLib.cli.program import COMMANDS, NESTED
from IXGSLib.reconstruction import settings
from IXGSLib.reconstruction.resolution import checked_changes, resolve
from IXGSLib.reconstruction.settings import NAMES, PRESETS, ReconstructionSettings
from Testing.benchmarks import pages
from Testing.benchmarks.quality import tables
from Testing.benchmarks.store import Store
from Testing.cli.test_routes import TINY
from Testing.markdown import ARCHITECTURE, README, ROOT, USER_GUIDE, anchors, blocks, links, rows

PAGES = [README, ARCHITECTURE, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [ROOT / "Testing" / "benchmarks" / "NOTES.md"]
OTHER_OPTIONS = {"--debug", "--table", "--dry-run"}
"""Of every command, and of the benchmarks."""


def name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(("page", "target"), [(page, link) for page in PAGES for link in links(page)])
def test_every_link_leads_to_a_file_and_a_heading_of_it(page, target):
    file, _, anchor = target.partition("#")
    found = (page.parent / file).resolve() if file else page
    assert found.exists()
    assert found.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(found)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_has_one_title_and_headings_that_differ(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^(#+) (.+)$", text, re.MULTILINE)
    assert [marks for marks, _ in headings].count("#") == 1
    if page.name != "CHANGELOG.md":  # whose releases share their headings
        assert len({heading for _, heading in headings}) == len(headings)


def test_the_index_lists_every_page_of_the_folder():
    listed = {link for link in links(ROOT / "docs" / "index.md") if "/" not in link}
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}


@pytest.mark.parametrize("page", [README, USER_GUIDE], ids=name)
def test_every_command_is_explained(page):
    rows = re.findall(r"^\| (`ixgs .*?) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`ixgs ([\w-]+)", " ".join(rows))) == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_options_on_the_pages_exist(page, capsys):
    from IXGSLib.cli import main

    for line in "\n".join(blocks(page, "sh")).splitlines():
        command = re.match(r"(?:ixgs|.*-m IXGSLib) (study readers \w+|[a-z][\w-]*)", line)
        if command is None:
            continue
        words = command[1].split()
        assert words[0] in COMMANDS or tuple(words[:2]) in NESTED
        main([*words, "--help"])
        known = capsys.readouterr().out
        for option in re.findall(r"(?<!\S)--[a-z][\w.-]*", line.split("#")[0].split(command[1], 1)[1]):
            assert option in known, f"{command[1]} has no {option}"


def test_options_in_the_text_exist(capsys):
    from IXGSLib.cli import main

    for command in COMMANDS:
        main([command, "--help"])
    for step in ("make", "analyse", "simulate"):
        main(["study", "readers", step, "--help"])
    known = set(re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out)) | OTHER_OPTIONS
    for page in PAGES:
        named = set(re.findall(r"`(--[a-z][\w-]*)", page.read_text(encoding="utf-8")))
        assert {option for option in named if not any(each.startswith(option) for each in known)} == set(), name(page)


def test_the_tables_are_those_of_the_last_benchmarks():
    content = Store().content
    for part, table in tables.PARTS.items():
        assert part.read() == table(content)
    assert tables.RESULTS.read_text(encoding="utf-8") == tables.results(content)


def test_the_presets_are_those_of_the_code():
    shown = {row[0]: row[1:4] for row in rows(ROOT / "docs" / "method.md", "## Presets and few views")}
    numbers = {preset: [int(cell.replace(" ", "")) for cell in cells] for preset, cells in shown.items()}
    names = ("cloud.gaussians", "schedule.steps", "cloud.gaussians_per_view")
    assert numbers == {preset: [found[name] for name in names] for preset, found in PRESETS.items()}
    few = resolve("standard", 10).settings
    sentence = f"at ten views standard has {few['cloud.gaussians']:,} Gaussians and {few['schedule.steps']} steps"
    assert sentence.replace(",", " ") in (ROOT / "docs" / "method.md").read_text(encoding="utf-8")


def test_settings_on_the_pages_exist():
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    groups = "|".join(ReconstructionSettings.__dataclass_fields__)
    assert set(re.findall(rf"`((?:{groups})\.\w+)`", text)) <= set(NAMES)


def test_the_python_of_the_guide_runs_from_top_to_bottom(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("agg")
    from IXGSLib.simulation import simulate, write_simulation
    from Testing.simulation.phantom import GRID, hounsfield
    from Testing.simulation.phantom import settings as imaging

    sample = write_simulation(simulate((hounsfield(), GRID), imaging(name="bone")), tmp_path / "case")
    shutil.copytree(sample, tmp_path / "Resources" / "SampleCase")
    monkeypatch.setitem(settings.PRESETS, "standard", PRESETS["standard"].updated(checked_changes(TINY)))
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks(USER_GUIDE, "python", "## In Python"):
        exec(compile(code, USER_GUIDE.name, "exec"), names)
    assert names["image"].shape == names["case"].xrays[0].image.shape
    assert names["volume"].shape == names["result"].volume.values.shape
    assert (tmp_path / "volume.nrrd").exists()
    assert (tmp_path / "STANDARDIZED" / "case.json").exists()


def test_a_part_of_a_page_is_replaced_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    part = pages.Part(page, "table", "script.py")
    begin, end = part.marks
    page.write_text(f"before\n{begin}\nearlier\n{end}\nafter\n", encoding="utf-8")
    part.write("new")
    assert part.read() == "new"
    assert page.read_text(encoding="utf-8") == f"before\n{begin}\nnew\n{end}\nafter\n"


@pytest.mark.parametrize("text", ["", "{0}\n", "{1}\n{0}\n", "{0}\n{0}\n{1}\n"])
def test_a_page_without_both_marks_in_order_is_refused(tmp_path, text):
    part = pages.Part(tmp_path / "page.md", "table", "script.py")
    part.page.write_text(text.format(*part.marks), encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md: expected"):
        part.write("new")
