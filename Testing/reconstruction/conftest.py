import pytest

from Testing.reconstruction.phantom import make_case


@pytest.fixture(scope="session")
def ellipsoids():
    """A case and its true volume."""
    return make_case()
