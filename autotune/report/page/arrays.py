"""Numbers for Plotly in few bytes: typed arrays in base64, as plotly.js reads them.

plotly.js takes ``{"dtype": "f4", "bdata": "..."}`` in place of a list (since version 2.35); ``NaN``
is a gap. Little endian, as every machine that shows a page is.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

FEW = 12
"""Below this a list is shorter, and can be read."""


def packed(values: Sequence[float | None]) -> Any:
    """`values` for Plotly: a list of a few, else 32-bit floats, which keep seven digits.

    Whole numbers up to 16 million are kept exactly.
    """
    if len(values) < FEW:
        return [None if value is None else float(f"{value:.7g}") for value in values]
    import numpy as np

    plain = [math.nan if value is None else value for value in values]
    raw = np.asarray(plain, dtype="<f4").tobytes()
    return {"dtype": "f4", "bdata": base64.b64encode(raw).decode()}


def unpacked(data: Any) -> list[float | None]:
    """The values back from `packed`."""
    if isinstance(data, list):
        return data
    import numpy as np

    found = np.frombuffer(base64.b64decode(data["bdata"]), dtype=f"<{data['dtype']}")
    return [None if math.isnan(value) else value for value in found.tolist()]
