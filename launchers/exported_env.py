"""What an engine of a manifest needs in its environment when a person starts it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from autotune.launchers.manifest import Manifest, fill

_PRIVATE = "{work_dir}"
_SECRET = re.compile(r"(^|_)(api_?key|token|password|passwd|secret)$", re.IGNORECASE)


def exported_variables(manifest: Manifest, values: Mapping[str, str]) -> dict[str, str]:
    """``[export] env``, or ``[command] env`` where there is none, with placeholders filled.

    Variables in the folder that is private to a launch are left out: kept, the engine uses its
    own. So are those whose name says that they hold a secret, which every copy would hold too.
    """
    return {
        name: fill(text, values)
        for name, text in _written(manifest).items()
        if _PRIVATE not in text and not names_a_secret(name)
    }


def wanted_variables(manifest: Manifest) -> tuple[str, ...]:
    """Names of variables that must come from whoever starts the engine: their values are theirs."""
    secret = (name for name in _written(manifest) if names_a_secret(name))
    return tuple(dict.fromkeys([*manifest.command.inherit, *secret]))


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret: ``MY_API_KEY``, ``HF_TOKEN``, ..."""
    return _SECRET.search(name) is not None


def _written(manifest: Manifest) -> Mapping[str, str]:
    return manifest.export.env or manifest.command.env
