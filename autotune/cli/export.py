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
    from autotune.export.options import ExportOptions
    from autotune.study.folder import StudyFolder

Format = Literal[
    "shell",
    "json",
    "llama-preset",
    "llama-swap",
    "env",
    "vllm-yaml",
    "sglang-args",
    "compose",
    "systemd",
    "kubernetes",
    "manifest",
    "share",
]


class Export(StudiesSettings):
    """A launch config with its provenance.

    Exports the confirmed winner of a study in the form that your stack takes. The shell script
    starts the engine as tuned and hands its own arguments on to it (./serve.sh --port 8080).

    With --verify the engine is started from the file itself, says what it runs with, and answers a
    few turns of the study; a file for another program (compose, systemd, kubernetes, llama-swap)
    is checked by that program's rules. Exit code 1 says that it would not run as tuned.

    Examples:
        autotune export my-study --format shell --output serve.sh
        autotune export my-study --format llama-preset --output models.ini --verify
        autotune export my-study --format compose --image llama.cpp:server-cuda
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
    name: str | None = Field(
        None, description="what the model or service is called (default: after the model's file)"
    )
    image: str | None = Field(
        None,
        description=("container image of compose and kubernetes (default: vllm's or sglang's own)"),
    )
    verify: bool = Field(
        False, description="start the engine from the file, or check the file, and compare"
    )
    allow_unconfirmed: bool = Field(
        False, description="also export a trial that no confirmation has compared to the default"
    )

    def run(self, io: CommandIO) -> int:
        """Writes the config, and puts it to the proof if that is asked."""
        from autotune.export.formats import render, write_text
        from autotune.export.options import ExportOptions

        folder = find_study(self.studies_dir, self.study)
        config = self._config(folder)
        options = ExportOptions(full=self.full, name=self.name, image=self.image)
        text = render(config, self.format, options)
        if self.output is not None:
            write_text(self.output, text, self.format)
            io.err.print(f"wrote {self.output}", markup=False, soft_wrap=True)
        if self.verify:
            return self._verify(folder, config, options, text, io)
        if io.json:
            told = {"text": text} if self.output is None else {"output": self.output}
            io.emit_json({"format": self.format, **told})
        elif self.output is None:
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

    def _verify(
        self,
        folder: StudyFolder,
        config: ExportConfig,
        options: ExportOptions,
        text: str,
        io: CommandIO,
    ) -> int:
        """Proves the file that was written, or one in a scratch folder."""
        import tempfile

        from autotune.export.formats import FORMATS, write_text
        from autotune.export.verify.live import Room
        from autotune.export.verify.run import verify_export
        from autotune.export.verify.starting import Artefact
        from autotune.export.verify.words import verification_lines

        def say(line: str) -> None:
            io.err.print(line, markup=False, soft_wrap=True)

        with tempfile.TemporaryDirectory(prefix="autotune-") as place:
            path = self.output
            if path is None:
                path = Path(place) / FORMATS[self.format].file_name
                write_text(path, text, self.format)
            artefact = Artefact(path.resolve(), self.format, config)
            room = Room(logs_dir=folder.logs, work_dir=Path(place))
            found = verify_export(artefact, options, folder, room, say)
        if io.json:
            io.emit_json(found.to_json())
        else:
            for line in verification_lines(path, found):
                io.out.print(line, markup=False, soft_wrap=True)
        return int(found.exit_code)
