"""``autotune export``: a launch config from a study."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.find import find_study
from autotune.cli.io import CommandIO
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.export.model import ExportConfig
    from autotune.study.folder import StudyFolder

Format = Literal["shell", "json"]


class Export(StudiesSettings):
    """A launch config with its provenance.

    Exports the confirmed winner of a study. The shell script starts the engine as tuned and hands
    its own arguments on to it (./serve.sh --port 8080).

    Examples:
        autotune export my-study --format shell --output serve.sh
        autotune export my-study --format json --full
        autotune export my-study --trial 7 --allow-unconfirmed
    """

    study: CliPositionalArg[str] = Field(description="name of the study, or its folder")
    format: Format = Field("shell", description="what is written")
    trial: int | None = Field(None, ge=0, description="this trial instead of the winner")
    full: bool = Field(
        False, description="every setting, not only those that differ from the engine's defaults"
    )
    output: Path | None = Field(None, description="write here (default: stdout)")
    allow_unconfirmed: bool = Field(
        False, description="also export a trial that no confirmation has compared to the default"
    )

    def run(self, io: CommandIO) -> int:
        """Writes the config."""
        from autotune.export.formats import FORMATS, write_export

        config = self._config(find_study(self.studies_dir, self.study))
        if self.output is not None:
            write_export(self.output, config, self.format, self.full)
            io.err.print(f"wrote {self.output}", markup=False, soft_wrap=True)
            if io.json:
                io.emit_json({"format": self.format, "output": self.output})
            return int(ExitCode.DONE)
        text = FORMATS[self.format].render(config, self.full)
        if io.json:
            io.emit_json({"format": self.format, "text": text})
        else:
            sys.stdout.write(text)
        return int(ExitCode.DONE)

    def _config(self, folder: StudyFolder) -> ExportConfig:
        """The winner, or the trial that was asked for. Raises `UserError` if unconfirmed."""
        from autotune.export.from_study import trial_config, winner_config

        if self.trial is None:
            return winner_config(folder)
        config = trial_config(folder, self.trial)
        if not config.provenance.confirmed and not self.allow_unconfirmed:
            raise UserError(
                f"trial {self.trial} of {folder.name} was not confirmed against the default",
                "export the winner, or accept it with --allow-unconfirmed",
            )
        return config
