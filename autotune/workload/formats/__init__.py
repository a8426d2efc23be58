"""Formats that captures are written in, one file each, named in one table."""

from __future__ import annotations

from autotune.workload.formats.agentperf import AGENTPERF
from autotune.workload.formats.aiperf import AIPERF_MOONCAKE, RAW_PAYLOAD
from autotune.workload.formats.base import Format, Place, Written
from autotune.workload.formats.capture1 import CAPTURE_1
from autotune.workload.formats.mooncake_hash import MOONCAKE_HASH
from autotune.workload.formats.otel import OTEL
from autotune.workload.formats.weka_hash import WEKA_HASH

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        CAPTURE_1,
        AGENTPERF,
        RAW_PAYLOAD,
        AIPERF_MOONCAKE,
        OTEL,
        MOONCAKE_HASH,
        WEKA_HASH,
    )
}
"""Every format that can be written, by name."""

__all__ = ["FORMATS", "Format", "Place", "Written"]
