"""A real PostgreSQL: in a temporary folder, on a free port of loopback, with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

PASSWORD = "geheim-0815-nirgends"  # looked for in everything that a run leaves
USER, DATABASE = "tuner", "tuning"
WAIT_S = 60


@dataclass
class PostgresServer:
    """`binaries` is the folder of ``initdb`` and ``pg_ctl``. PostgreSQL refuses to run as root."""

    binaries: Path
    folder: Path = field(init=False)
    port: int = field(init=False)

    def __post_init__(self) -> None:
        # Not below pytest's folder: another user must be able to reach it.
        self.folder = Path(tempfile.mkdtemp(prefix="autotune-pg-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        password = self.folder / "password"
        password.write_text(PASSWORD)
        self.folder.chmod(0o700)
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, _owner())
        self._run("initdb", "-D", "data", "-U", USER, "--pwfile", "password", "-A", "scram-sha-256")
        self.start()
        env = {"PGPASSWORD": PASSWORD}
        address = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)
        self._run("createdb", *address, DATABASE, env=env)

    @property
    def url(self) -> str:
        """The address of its database, without a password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """At once: connections are cut, transactions under way are lost."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Stop it, and leave nothing."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *args: str, env: dict[str, str] | None = None) -> None:
        owner = _owner() if os.geteuid() == 0 else None
        subprocess.run(
            [str(self.binaries / program), *args],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(env or {})},
            user=owner,
            check=True,
            timeout=WAIT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _owner() -> str:
    """A user that is not root: the package's own, else nobody."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
