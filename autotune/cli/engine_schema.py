"""``autotune engine schema``: what a manifest or a space may say, for editors and programs."""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import Field

from autotune.cli.io import CommandIO
from autotune.config.settings import Section
from autotune.errors import ExitCode


class EngineSchema(Section):
    """The JSON schema of an engine's manifest, of a search space, or of a GPU profile.

    Examples:
        autotune engine schema > engine-manifest.schema.json
        autotune engine schema --of search-space > search-space.schema.json
    """

    of: Literal["manifest", "search-space", "gpu-profile"] = Field(
        "manifest", description="which of the files that describe engines"
    )

    def run(self, io: CommandIO) -> int:
        """The schema on stdout; it is JSON anyway."""
        from autotune.launchers.manifest import manifest_schema
        from autotune.search.space_schema import profile_schema, space_schema

        schemas = {
            "manifest": manifest_schema,
            "search-space": space_schema,
            "gpu-profile": profile_schema,
        }
        sys.stdout.write(schemas[self.of]())
        return int(ExitCode.DONE)
