import pytest

from Testing.reconstruction.phantom import make_body_case, make_case


@pytest.fixture(scope="session")
def ellipsoids():
    """A case and its true volume."""
    return make_case()


@pytest.fixture(scope="session")
def in_a_body():
    """A case whose region is full of soft tissue that extends beyond the detector, and its true volume."""
    return make_body_case()
