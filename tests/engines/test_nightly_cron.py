"""A night that the real cron begins: its own crontab program and its own daemon.

Both work on mounts of their own, so that the machine's crontabs and jobs are neither seen nor
touched; and jobs need no login, which a container refuses (``pam_loginuid``). It takes a minute, as
cron looks at its tables once a minute.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engines

MOUNTS = r"""
mkdir -p /var/spool/cron /etc/cron.d || exit 9
mount -t tmpfs none /run && mount -t tmpfs none /etc/cron.d || exit 9
mount -t tmpfs none /var/spool/cron || exit 9
[ -e /etc/crontab ] && mount --bind /dev/null /etc/crontab
mkdir /var/spool/cron/crontabs && chgrp crontab /var/spool/cron/crontabs
chmod 1730 /var/spool/cron/crontabs
printf '%s required pam_permit.so\n' auth account session > /run/pam
[ -e /etc/pam.d/cron ] && mount --bind /run/pam /etc/pam.d/cron
exec "$@"
"""

OTHERS = 'MAILTO=""\n# somebody\'s own\n0 5 1 1 *\t/bin/true 100\\% \n'

BEGIN = """
import json, os, subprocess, sys, time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autotune.nightly.schedule.choose import choose, schedulers
from autotune.nightly.schedule.commands import SystemCommands
from autotune.nightly.schedule.install import install, uninstall
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Machine

root, others = Path(sys.argv[1]), sys.argv[2]
machine = Machine(
    platform="linux", user="root", uid=0, home=root, config_home=root / "it's 100%",
    commands=SystemCommands(dict(os.environ)), running=lambda: ["cron"],
)
tell = "import os, sys; print(os.getcwd(), os.environ['PATH'], os.environ['HOOK'], sys.argv[1:])"
crontab = lambda: subprocess.run(["crontab", "-l"], capture_output=True, text=True).stdout
subprocess.run(["crontab", "-"], input=others, text=True, check=True)
daemon = subprocess.Popen(["cron", "-f"])
# cron looks whether its tables are of another second than those that it has read.
for _ in range(20):
    time.sleep(0.1)
now = datetime.now().astimezone()
due = now + timedelta(minutes=2 if now.second > 50 else 1)
plan = Plan(
    name="tuning-0a1b2c3d", at=due.time().replace(second=0, microsecond=0), days=(), limit_s=60,
    command=(sys.executable, "-c", tell, "50%", "$HOME"), folder=root / "a b",
    environment={"PATH": "/bin:/odd one%"}, secrets=root / "nightly.env", log=root / "log",
)
try:
    every = schedulers(machine)
    choice = choose(every, "cron")
    report = install(machine, every, choice, plan, datetime.now(UTC))
    again = install(machine, every, choice, plan, datetime.now(UTC))
    table = crontab()
    until = time.monotonic() + 130
    while time.monotonic() < until and not (plan.log.exists() and plan.log.read_text()):
        time.sleep(0.1)
finally:
    daemon.terminate()
    daemon.wait(10)
begun = plan.log.read_text() if plan.log.exists() else ""
removed = uninstall(machine, every, plan.name)
print(json.dumps({
    "effects": [report.effect, again.effect], "table": table, "begun": begun,
    "removed": len(removed), "after": crontab(),
    "left": [str(path) for path in machine.nightly.rglob("*")],
}))
"""


@pytest.fixture
def mounted() -> list[str]:
    """What stands before a command that gets mounts of its own; skips where there is no cron."""
    if os.geteuid() != 0:
        pytest.skip("only root can give cron mounts of its own")
    for program in ("cron", "crontab", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}: apt-get install cron")
    found = ["unshare", "--mount", "sh", "-c", MOUNTS, "sh"]
    if subprocess.run([*found, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount")
    return found


def test_cron_begins_a_night(mounted: list[str], tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "nightly.env").write_text("HOOK='a secret'\n")
    argv = [*mounted, sys.executable, "-c", BEGIN, str(tmp_path), OTHERS]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["effects"] == ["installed", "unchanged"]
    line, _, rest = said["table"].partition("\n")
    assert line.endswith("# autotune-nightly tuning-0a1b2c3d")
    assert rest == OTHERS
    assert said["begun"] == f"{tmp_path}/a b /bin:/odd one% a secret ['50%', '$HOME']\n"
    assert (said["removed"], said["after"], said["left"]) == (3, OTHERS, [])
