"""``autotune dashboard``: studies in the browser."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.find import find_study
from autotune.cli.io import CommandIO
from autotune.cli.signals import on_stop_signals
from autotune.config.settings import StudiesSettings
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from socket import socket

    from autotune.dashboard.found import Sources

PORT = 8903


class Dashboard(StudiesSettings):
    """Studies in the browser, live, until Ctrl-C: optuna-dashboard with what autotune knows.

    Each trial comes with its engine logs, its turns, a plot of them and all its facts as artifacts;
    each study with its report and the plots of it. A study that is being run is shown as it grows.
    Without STUDY all of the studies directory are shown, those that begin later too; a contest is
    the studies of its engines.

    Nothing on disk is changed: notes, names and trials cannot be edited. It listens on this machine
    only and has no password. Needs the extra: pip install 'autotune-serving[dashboard]'.

    Examples:
        autotune dashboard
        autotune dashboard my-study --open
        autotune dashboard last-month last-night --port 0
        autotune dashboard --studies-dir ~/tuning --json
    """

    study: CliPositionalArg[list[str]] = Field(
        [], description="names or folders of studies (default: all of the studies directory)"
    )
    port: int = Field(PORT, ge=0, le=65535, description="where to listen; 0 takes any free port")
    host: str = Field("127.0.0.1", description="the address to listen on")
    allow_remote: bool = Field(
        False, description="let --host be one that other machines reach; nobody is asked for a key"
    )
    open: bool = Field(False, description="show it in the browser")

    def run(self, io: CommandIO) -> int:
        """Serves until a signal."""
        from autotune.dashboard.extra import check_extra
        from autotune.recording.listen import bound_socket

        check_extra()
        sources = self._sources()
        listener = bound_socket(
            self.host, self.port, allow_remote=self.allow_remote, who="the dashboard"
        )
        with listener:
            return self._serve(listener, sources, io)

    def _serve(self, listener: socket, sources: Sources, io: CommandIO) -> int:
        from autotune.dashboard.server import dashboard_app, serving
        from autotune.recording.listen import url_of

        stop, url = threading.Event(), url_of(listener)
        app = dashboard_app(sources, self._names(listener))
        with on_stop_signals(lambda _: stop.set()), serving(listener, app):
            self._say(url, [one.name for one in sources.found()], io)
            if self.open:
                _open(url)
            stop.wait()
        return int(ExitCode.DONE)

    def _sources(self) -> Sources:
        """Raises `UserError` for a study that is not there."""
        from autotune.dashboard.found import Sources

        if not self.study and not self.studies_dir.is_dir():
            raise UserError(
                f"there is no directory {self.studies_dir}",
                "make a study with autotune run, or name the directory with --studies-dir",
            )
        return Sources(self.studies_dir, [find_study(self.studies_dir, n) for n in self.study])

    def _names(self, listener: socket) -> frozenset[str] | None:
        """What it may be called by who asks: anything, once others reach it."""
        from ipaddress import ip_address

        from autotune.dashboard.guard import LOOPBACK

        address = str(listener.getsockname()[0])
        return LOOPBACK | {self.host.lower(), address} if ip_address(address).is_loopback else None

    def _say(self, url: str, names: list[str], io: CommandIO) -> None:
        if io.json:
            io.emit_json({"url": url, "studies": names})
        told = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        where = f"studies in {self.studies_dir} as they come: none yet"
        io.err.print(f"dashboard at {url}: {told or where}", markup=False, soft_wrap=True)
        if self.allow_remote:
            warning = "warning: whoever reaches this address reads logs, paths and command lines"
            io.err.print(warning, markup=False, soft_wrap=True)
        io.err.print("nothing on disk is changed; Ctrl-C ends it", markup=False, soft_wrap=True)


def _open(url: str) -> None:
    """Raises `UserError` where there is no browser."""
    import webbrowser

    if not webbrowser.open(url):
        raise UserError(f"no browser was found for {url}", "open the address yourself")
