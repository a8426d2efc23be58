"""Doctor's checks of what else runs here: other engines, other load, leftovers of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from autotune.hardware.check import Check, gib, ok, warn
from autotune.hardware.engines import RunningEngine
from autotune.hardware.load import LoadMeter
from autotune.hardware.telemetry_summary import STEAL_SHARE_LIMIT, other_cores_limit

LOAD_SAMPLE_S = 1.0


def check_load(
    meter: LoadMeter, sleep: Callable[[float], None], sample_s: float = LOAD_SAMPLE_S
) -> Check:
    """How much of the processor others use, over `sample_s` from now."""
    meter.read()
    sleep(sample_s)
    load = meter.read()
    if load is None:
        return warn("other load", "could not be measured", "run autotune doctor again")
    limit = other_cores_limit(meter.cores)
    message = f"{load.other_cores:.2f} of {meter.cores} cores (limit {limit:.2f})"
    if load.steal_share > STEAL_SHARE_LIMIT:
        fix = "measure when the host is quieter, or on a machine of your own"
        return warn("other load", f"the hypervisor takes {load.steal_share:.0%}; {message}", fix)
    if load.other_cores > limit:
        return warn("other load", message, "stop other work (see top), or measure at a quiet time")
    return ok("other load", message)


def check_engines(engines: Sequence[RunningEngine]) -> Check:
    """Other engines that run now."""
    if not engines:
        return ok("other engines", "none running")
    named = ", ".join(f"{e.name} pid {e.pid}{_resident(e)}" for e in engines)
    fix = "stop them while autotune measures: they share memory and processor with what it starts"
    return warn("other engines", f"running: {named}", fix)


def check_leftovers(pids: Iterable[int]) -> Check:
    """Engines of an autotune that is gone; `pids` are theirs."""
    listed = ", ".join(str(pid) for pid in sorted(pids))
    if not listed:
        return ok("leftovers", "none of ours running")
    fix = f"the next autotune run ends them; to do it now: kill {listed.replace(',', '')}"
    return warn("leftovers", f"engines of an autotune that died: pid {listed}", fix)


def _resident(engine: RunningEngine) -> str:
    return "" if engine.resident_bytes is None else f" ({gib(engine.resident_bytes)})"
