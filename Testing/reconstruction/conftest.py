import pytest

from Testing.reconstruction.phantom import make_case, make_trunk_case


@pytest.fixture(scope="session")
def ellipsoids():
    """A case and its true volume."""
    return make_case()


@pytest.fixture(scope="session")
def in_a_trunk():
    """A case whose region is full of soft tissue that goes on beyond the detector, and its true volume."""
    return make_trunk_case()
