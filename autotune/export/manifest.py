"""An engine of a manifest as tuned: the same manifest, its settings stated on every launch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autotune.errors import UserError
from autotune.export.command import command_of
from autotune.export.model import ExportConfig
from autotune.export.provenance import provenance_lines, scope_text
from autotune.launchers.exported_env import names_a_secret, wanted_variables
from autotune.launchers.in_house import InHouseLauncher
from autotune.launchers.manifest import Manifest, fill
from autotune.launchers.registry import make_launcher


def render_manifest(config: ExportConfig, full: bool = False) -> str:
    """The manifest with ``[command] always`` as tuned, its paths made whole.

    Raises `UserError` for an engine that has no manifest, and for a manifest that is gone.
    """
    command_of(config, full)  # refuses secrets
    tuned = tuned_manifest(*_manifest_of(config), config, full)
    lines = [f"# {line}" for line in provenance_lines(config.provenance)]
    lines += [f"# {scope_text(full)}", "# Use it with: autotune run --engine FILE"]
    return "\n".join(lines) + "\n" + _toml(tuned)


def _manifest_of(config: ExportConfig) -> tuple[Manifest, Path]:
    engine = config.provenance.engine
    if engine is None:
        raise UserError("the config does not say which engine it is for", "export it again")
    launcher = make_launcher(engine)
    if not isinstance(launcher, InHouseLauncher):
        raise UserError(
            f"{engine} is not described by a manifest", "use --format shell or json instead"
        )
    return launcher.manifest, launcher.folder


def tuned_manifest(
    manifest: Manifest, folder: Path, config: ExportConfig, full: bool = False
) -> Manifest:
    """`manifest`, which was found in `folder`, with the tuned settings.

    What its own ``always`` says stays, unless it was tuned. ``{manifest_dir}`` and a relative
    search space become whole paths, as the copy lies elsewhere.
    """
    settings = config.full_settings if full else config.settings
    always = {**manifest.command.always, **{n: v for n, v in settings.items() if n != "model"}}
    here = {"manifest_dir": str(folder)}
    command = manifest.command.model_copy(
        update={
            "always": always,
            "argv": _filled(manifest.command.argv, here),
            "version": _filled(manifest.command.version, here),
            "help": _filled(manifest.command.help, here),
            "env": _variables(manifest.command.env, here),
            "inherit": list(wanted_variables(manifest)),
        }
    )
    export = manifest.export.model_copy(
        update={
            "argv": _filled(manifest.export.argv, here),
            "env": _variables(manifest.export.env, here),
        }
    )
    space = manifest.search_space
    if space is not None and space.endswith(".toml"):
        space = str(folder / space)
    return manifest.model_copy(update={"command": command, "export": export, "search_space": space})


def _variables(env: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Without those that hold a secret: they are handed through instead, by name."""
    return {name: fill(text, values) for name, text in env.items() if not names_a_secret(name)}


def _filled(words: list[str], values: dict[str, str]) -> list[str]:
    return [fill(word, values) for word in words]


def _toml(manifest: Manifest) -> str:
    import tomli_w

    return tomli_w.dumps(manifest.model_dump(mode="json", exclude_defaults=True, exclude_none=True))
