"""A target as promotions and looks at the machine see it."""

from __future__ import annotations

from collections.abc import Mapping

from autotune.export.model import ExportConfig
from autotune.hardware.gpu import Gpu, GpuProbe
from autotune.nightly.generations import Rendered, rendered
from autotune.nightly.health import SETTLE_S, START_S, Patience, health_check
from autotune.nightly.idle_look import Eyes
from autotune.nightly.site import HealthCheck, Site, boot_id
from autotune.nightly.targets import Target
from autotune.paths.address import parse_address


def site_of(target: Target, environ: Mapping[str, str], boot: str | None = None) -> Site:
    """What a promotion of `target` touches; `environ` is what its hooks inherit."""
    return Site(
        target=target.name,
        state=target.state,
        boot=boot or boot_id(),
        environ=environ,
        hooks=target.hooks,
        health=_health(target, environ),
        places=target.places,
    )


def _health(target: Target, environ: Mapping[str, str]) -> HealthCheck | None:
    rule = target.health
    if rule is None:
        return None
    patience = Patience(
        start_s=START_S if rule.start_s is None else rule.start_s,
        settle_s=SETTLE_S if rule.settle_s is None else rule.settle_s,
    )
    headers = rule.headers(environ)
    return health_check(rule.url, model=rule.model, headers=headers, patience=patience)


def eyes_of(target: Target, gpu: Gpu | None, probe: GpuProbe) -> Eyes:
    """What the machine is looked at with before a night of `target` begins."""
    endpoint = None if target.health is None else parse_address(target.health.url).base_url
    return Eyes(gpu=gpu, probe=probe, endpoint=endpoint)


def exports_of(target: Target, config: ExportConfig) -> dict[str, Rendered]:
    """The files of `target` as they are written for `config`, by name. Raises `UserError`."""
    rows = zip(target.places, target.exports, strict=True)
    return {place.name: rendered(config, export.format, export.options) for place, export in rows}
