"""Damaged files at every door are accepted or refused in words, and lead to nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.fuzz.doors import DOORS
from Testing.fuzz.mutation import mutated

INPUTS = 8
"""Damaged files of one example."""


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request):
    return request.param


def test_undamaged_files_are_accepted(door, tmp_path):
    for data in door.seeds():
        assert door.enter(tmp_path, data), door.name


@pytest.mark.parametrize("number", range(len(DOORS)), ids=[door.name for door in DOORS])
def test_damaged_files_are_accepted_or_refused_in_words(number, tmp_path_factory):
    door = DOORS[number]
    seeds, folder = door.seeds(), tmp_path_factory.mktemp("door")

    @settings(max_examples=12, deadline=None, derandomize=True, database=None)
    @given(seed=st.integers(0, 2**32))
    def enter(seed):
        rng = random.Random(seed)
        for _ in range(INPUTS):
            door.enter(folder, mutated(rng, rng.choice(seeds), seeds))

    enter()
