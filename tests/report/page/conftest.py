"""A study with something in every section of a report, in memory and without a database."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_data import study_data

from autotune.report.page.gather import StudyData


@pytest.fixture
def data(tmp_path: Path) -> StudyData:
    """A finished study with a winner, trial 2, in ``tiny``."""
    return study_data(tmp_path / "tiny")
