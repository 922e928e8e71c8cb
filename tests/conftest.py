"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with test vectors and published tables that are not part of the project."""
    named = os.environ.get("ATTNSCOPE_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder}; set ATTNSCOPE_SHARED to its folder")
    return folder
