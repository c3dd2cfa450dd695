from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data():
    """The folder of real CTs and X-rays beside the checkout; tests that need it are skipped without it."""
    if not DATA.is_dir():
        pytest.skip("needs the data folder beside the checkout")
    return DATA
