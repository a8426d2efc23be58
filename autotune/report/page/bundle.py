"""plotly.js for a page: the copy that comes with the ``plotly`` package, packed to a third.

The page unpacks it by itself (``DecompressionStream``, in every browser since 2023); one that
cannot shows the static figures. Packed without a date, so that the same package makes the same
bytes.
"""

from __future__ import annotations

import base64
import gzip
from functools import cache


@cache
def plotly_bundle() -> str:
    """plotly.js, compressed and in base64: about 2 MB of letters."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()
