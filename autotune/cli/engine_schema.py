"""``autotune engine schema``: what a manifest may say, for editors and other programs."""

from __future__ import annotations

import sys

from autotune.cli.io import CommandIO
from autotune.config.settings import Section
from autotune.errors import ExitCode


class EngineSchema(Section):
    """The JSON schema of an engine's manifest.

    Examples:
        autotune engine schema > engine-manifest.schema.json
    """

    def run(self, io: CommandIO) -> int:
        """The schema on stdout; it is JSON anyway."""
        from autotune.launchers.manifest import manifest_schema

        sys.stdout.write(manifest_schema())
        return int(ExitCode.DONE)
