"""``autotune captures record``: a proxy that writes down what an agent sends."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from autotune.cli.io import CommandIO
from autotune.cli.signals import on_stop_signals
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.recording.app import Recording, RecordingOptions
    from autotune.recording.events import Stopped

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", re.IGNORECASE)
_SMALLEST = 10**6


def parse_size(text: str) -> int:
    """Bytes of ``256MB``, ``1GB`` or a plain number (MB is a million of them).

    Raises:
        UserError: it is none, or too small for one deep request.
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if size < _SMALLEST:
        raise UserError(
            f"--rotate: {text!r} is not a size of a megabyte or more",
            "write it like 64MB, 256MB or 1GB",
        )
    return size


class CapturesRecord(BaseModel):
    """Record what an agent sends to its model, through a proxy.

    Passes every request on to the upstream and every reply back, untouched and as it streams, and
    writes the prompts down beside it: capture/1, with token counts, time to first token and the
    replies. Any agent works that can be given a base URL, with any server or hosted API that speaks
    OpenAI's chat completions, responses or completions, or Anthropic's messages. Keys, cookies and
    other credentials pass through and are never written. Runs until Ctrl-C.

    Examples:
        autotune captures record --upstream http://127.0.0.1:8080 --out captures/
        autotune captures record --upstream https://api.anthropic.com --out captures/ --port 8902
    """

    model_config = ConfigDict(extra="forbid")

    upstream: str = Field(
        description="base address of the server to record, for example http://127.0.0.1:8080",
        json_schema_extra={"metavar": "URL"},
    )
    out: Path = Field(description="folder for the captures; made if it is not there")
    port: int = Field(8901, ge=0, le=65535, description="where to listen; 0 takes any free port")
    host: str = Field("127.0.0.1", description="the address to listen on")
    allow_remote: bool = Field(
        False, description="let --host be one that other machines reach; nobody is asked for a key"
    )
    per: Literal["session", "day"] = Field("session", description="what a file holds")
    rotate: str = Field(
        "256MB",
        description="size at which a file is followed by another",
        json_schema_extra={"metavar": "SIZE"},
    )

    def run(self, io: CommandIO) -> int:
        """Records until a signal; 130 when requests were cut, 3 when the disk refused some."""
        from autotune.recording.app import Recording
        from autotune.recording.listen import bound_socket
        from autotune.report.recording import choose_recording_display

        options = self._options()
        listener = bound_socket(self.host, self.port, allow_remote=self.allow_remote)
        with listener:
            recording = Recording(options, listener)
            json_to = sys.stdout if io.json else None
            display = choose_recording_display(io.err, recording.totals, json_to)
            # What is loaded by now stays: collecting it again and again would stall streams.
            gc.freeze()
            with on_stop_signals(lambda _: recording.stop()):
                stopped = recording.run(display)
        return _finished(io, recording, stopped)

    def _options(self) -> RecordingOptions:
        from autotune.recording.app import RecordingOptions
        from autotune.recording.files import Per
        from autotune.recording.upstream import parse_upstream

        return RecordingOptions(
            upstream=parse_upstream(self.upstream),
            folder=self.out,
            per=Per(self.per),
            limit_bytes=parse_size(self.rotate),
        )


def _finished(io: CommandIO, recording: Recording, stopped: Stopped) -> int:
    from autotune.report.recording import summary_lines

    if not io.json:
        for line in summary_lines(stopped):
            io.out.print(line, markup=False, soft_wrap=True)
    if stopped.not_recorded.get("disk"):
        return int(ExitCode.MACHINE)
    return int(ExitCode.INTERRUPTED if recording.forced else ExitCode.DONE)
