"""The README is short, says what IXGS is not, and shows what was measured."""

from __future__ import annotations

import ast

from Testing.benchmarks import summary
from Testing.benchmarks.store import Store
from Testing.markdown import README, USER_GUIDE, blocks, words

MAX_WORDS = 950


def test_the_readme_is_short_and_says_what_ixgs_is_not():
    assert words(README) <= MAX_WORDS
    assert "Research use only. Not a medical device." in README.read_text(encoding="utf-8")


def test_the_table_is_that_of_the_last_benchmarks():
    assert summary.PART.read() == summary.table(Store().content, Store(summary.STUDY).content)


def test_the_python_of_the_readme_is_that_of_the_guide():
    (code,) = blocks(README, "python")
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    guide = "\n".join(blocks(USER_GUIDE, "python"))
    assert calls
    assert all(f"{call}(" in guide for call in calls)
