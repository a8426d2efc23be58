"""``autotune captures formats``: what can be read, and what can be written."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from rich import box
from rich.table import Table
from rich.text import Text

from autotune.cli.io import CommandIO
from autotune.errors import ExitCode


class CapturesFormats(BaseModel):
    """List the capture formats that are read here.

    Which format a file has is told by what it says, never by its name. Formats that hold no
    requests, such as terminal recordings, are refused by name with the way to one that does.

    Examples:
        autotune captures formats
        autotune captures formats --json
    """

    model_config = ConfigDict(extra="forbid")

    def run(self, io: CommandIO) -> int:
        """Prints the table of readers."""
        from autotune.workload.readers import READERS

        rows = {name: reader.description for name, reader in sorted(READERS.items())}
        if io.json:
            io.emit_json([{"format": name, "description": text} for name, text in rows.items()])
            return int(ExitCode.DONE)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        table.add_column("format", no_wrap=True)
        table.add_column("what it is", overflow="fold")
        for name, text in rows.items():
            table.add_row(name, Text(text))
        io.out.print(table)
        return int(ExitCode.DONE)
