"""Manifests for the fake engine, with the faults a test wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

FAKE_ENGINE = Path(__file__).with_name("fake_engine.py")


def manifest_of(
    *faults: str,
    prefill_us: float = 0.0,
    token_us: float = 0.0,
    oom_above_ctx: int | None = None,
    extra_argv: tuple[str, ...] = (),
    **tables: Any,
) -> dict[str, Any]:
    """The manifest as a document; `faults` as in ``fake_engine.py --fault``.

    `tables` are laid over the document's top-level keys, table by table; ``None`` takes a key out.
    """
    argv = ["{python}", str(FAKE_ENGINE), "--model", "{model}", "--host", "{host}"]
    argv += ["--port", "{port}", "{settings}", *extra_argv]
    argv += [f"--prefill-us={prefill_us}", f"--token-us={token_us}"]
    argv += [] if oom_above_ctx is None else [f"--oom-above-ctx={oom_above_ctx}"]
    for fault in faults:
        argv += ["--fault", fault]
    document = _document(argv)
    for key, value in tables.items():
        laid = isinstance(value, dict) and isinstance(document.get(key), dict)
        document[key] = _without_none({**document[key], **value}) if laid else value
    return document


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def _document(argv: list[str]) -> dict[str, Any]:
    program = ["{python}", str(FAKE_ENGINE)]
    return {
        "schema_version": "engine-manifest/1",
        "name": "fake",
        "model_name": "fake",
        "search_space": "llama-server",
        "command": {
            "argv": argv,
            "version": [*program, "--version"],
            "help": [*program, "--help"],
            "cache_off": {"cache-ram": 0},
        },
        "address": {"log": r"listening on (http://\S+)"},
        "ready": {
            "path": "/health",
            "checks": [{"path": "/props", "json_path": "model_path", "equals": "{model}"}],
        },
        "request": {
            "pinned": {"ignore_eos": True},
            "always": {
                "stream_options": {"include_usage": True},
                "temperature": 0,
                "seed": 1,
            },
            "cache_on": {"cache_prompt": True},
            "cache_off": {"cache_prompt": False},
        },
        "tokens": {"count_path": "/v1/chat/completions/input_tokens"},
        "effective": [{"path": "/settings"}],
        "failure": _failures(),
    }


def _failures() -> list[dict[str, str]]:
    patterns = {
        "error: (invalid|argument)": "bad-flag",
        "failed to open GGUF file": "model-missing",
        "failed to allocate buffer": "out-of-memory",
        "exiting due to model loading error": "load-error",
        "couldn't bind": "port-taken",
        "exceeds the available context size": "context-overflow",
    }
    return [{"regex": regex, "kind": kind} for regex, kind in patterns.items()]


def write_manifest(folder: Path, *faults: str, **options: Any) -> Path:
    """A manifest file in `folder`; options as `manifest_of`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fake.toml"
    path.write_text(tomli_w.dumps(manifest_of(*faults, **options)), encoding="utf-8")
    return path
