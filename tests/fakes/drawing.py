"""Whether this machine can draw PNG plots at all."""

from __future__ import annotations

import pytest

from autotune.errors import MachineError
from autotune.report.page.png import check_png


def needs_png() -> None:
    """Skips a test where resvg or every font is missing; what is then said has tests of its own."""
    try:
        check_png()
    except MachineError as missing:
        pytest.skip(str(missing))
