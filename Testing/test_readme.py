import re
from pathlib import Path

import pytest

from Testing.benchmarks.quality.tables import MARKS, RESULTS, readme_table, results
from Testing.benchmarks.store import Store

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_of_numbers_are_those_of_the_last_benchmark():
    content = Store().content
    assert README.split(MARKS[0])[1].split(MARKS[1])[0].strip() == readme_table(content)
    assert RESULTS.read_text(encoding="utf-8") == results(content)


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_what_the_readme_points_to_is_there(target):
    assert (ROOT / target).exists()


def test_the_readme_says_what_it_is_not():
    assert "Research use only. Not a medical device." in README
