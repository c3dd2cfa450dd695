import json
import re
from pathlib import Path

import pytest

from Testing.benchmarks.quality import MARKS, RESULTS, table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_numbers_is_that_of_the_last_benchmark():
    between = README.split(MARKS[0])[1].split(MARKS[1])[0].strip()
    assert between == table(json.loads(RESULTS.read_text(encoding="utf-8")))


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_what_the_readme_points_to_is_there(target):
    assert (ROOT / target).exists()


def test_the_readme_says_what_it_is_not():
    assert "Research use only. Not a medical device." in README
