"""Kills a promotion at each of its steps in turn, recovers in a new process, tells what is there.

    python nightly_crash.py SCENARIO FOLDER

Steps are what changes the disk or starts a process, as Python's audit events tell, each write and
sync of the journal, and the middle of each hook. Prints a JSON object: step by step what was found.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nightly_site import draft, hook_words, paired, served, site, unhealthy_for

from autotune.nightly import hooks
from autotune.nightly.pause import paused as pause_of
from autotune.nightly.promote import promote
from autotune.nightly.recover import recover
from autotune.nightly.rollback import rollback
from autotune.nightly.site import Site

WATCHED = frozenset(
    {"os.rename", "os.symlink", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
    | {"subprocess.Popen"}
)
"""A temporary file counts when it is synced: what it is called before, nobody looks for."""


class Steps:
    """Counts steps and kills this process at the one that is asked for."""

    def __init__(self, kill_at: int | None, told: int) -> None:
        self.kill_at, self.told = kill_at, told
        self.count = 0
        self.line = ""
        self.armed = True

    def reach(self, name: str) -> None:
        self.count += 1
        os_write(self.told, f"{name}\n".encode())
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.armed or event not in WATCHED:
            return
        what = Path(os.fspath(args[0])).name if isinstance(args[0], (str, os.PathLike)) else ""
        self.reach(f"{event} {what}".strip())

    def write(self, handle: int, data: Any) -> int:
        """A journal line is written in two halves, with a step between them."""
        text = bytes(data)
        if not text.startswith(b'{"n":'):
            return os_write(handle, data)
        about = json.loads(text)
        self.line = f"{about['kind']} {about['phase']}"
        half = len(text) // 2
        os_write(handle, text[:half])
        self.reach(f"torn: {self.line}")
        os_write(handle, text[half:])
        return len(text)

    def fsync(self, handle: int) -> None:
        """No power is cut, so nothing waits for the disk."""
        line, self.line = self.line, ""
        self.reach(f"unsynced: {line}" if line else "fsync")
        if line:
            self.reach(f"written: {line}")


os_write = os.write


def watch(steps: Steps) -> None:
    """From now on in this process."""
    os.write, os.fsync = steps.write, steps.fsync
    sys.addaudithook(steps.heard)


def forked(work: Callable[[], None]) -> int:
    """`work` in a process of its own; how that ended (negative: by a signal)."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def first(where: Site) -> None:
    """The first generation of a target, where files of the person's own stand."""
    promote(where.generations.stage(draft("1")), where)


def promotion(where: Site) -> None:
    """A second one over the first."""
    promote(where.generations.stage(draft("2")), where)


def night(where: Site) -> None:
    """The same, in a pause that was begun for tuning."""
    with pause_of(where, "tuning"):
        promote(where.generations.stage(draft("2")), where)


def back(where: Site) -> None:
    """A person's rollback."""
    rollback(where)


def killed_promotion(where: Site) -> None:
    """A recovery: of a promotion that was killed right after the swap."""
    recover(where)


SCENARIOS: dict[str, Callable[[Site], None]] = {
    "first": first,
    "promote": promotion,
    "unhealthy": promotion,
    "night": night,
    "rollback": back,
    "recover": killed_promotion,
    "recover-unhealthy": killed_promotion,
}


def prepare(name: str, folder: Path) -> None:
    """What is there before a scenario begins."""
    own = folder / "served" / "serve.sh"
    own.parent.mkdir(parents=True)
    own.write_text("serve.sh of person\n", encoding="utf-8")
    if name == "first":
        return
    where = site(folder)
    first(where)
    if name == "rollback":
        promotion(where)
    (folder / "lines").unlink()
    if name.startswith("recover"):
        told = os.open(os.devnull, os.O_WRONLY)
        forked(lambda: kill_at_name(folder, "written: swapped note", told))
        os.close(told)


def kill_at_name(folder: Path, name: str, told: int) -> None:
    """A promotion that is killed at the step of that name."""
    steps = Steps(None, told)
    reach = steps.reach

    def reached(step: str) -> None:
        reach(step)
        if step == name:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.reach = reached  # type: ignore[method-assign]
    watch(steps)
    promotion(scene("promote", folder))


def scene(name: str, folder: Path) -> Site:
    """The site as a scenario has it; made in the process that is to be killed."""
    sick = name in ("unhealthy", "recover-unhealthy")
    return site(folder, health=unhealthy_for(*((2,) if sick else ())))


def run_and_die(name: str, folder: Path, kill_at: int, told: int) -> None:
    """A scenario, up to a step."""
    steps = Steps(kill_at, told)
    watch(steps)
    SCENARIOS[name](scene(name, folder))
    steps.armed = False


def found(name: str, folder: Path) -> dict[str, Any]:
    """What a new process finds when it has recovered, and whether a second time changes it."""
    where = scene(name, folder)
    said = recover(where).said
    live = where.generations.live()
    words = hook_words(folder)
    return {
        "live": None if live is None else live.number,
        "damage": [] if live is None else list(live.damage()),
        "served": sorted(served(where)),
        "words": words,
        "paired": paired(words),
        "open": [line.kind for line in where.journal.open_steps()],
        "litter": litter(folder),
        "said": list(said),
        "again": list(recover(where).said),
    }


def litter(folder: Path) -> list[str]:
    """Files that nobody will ask for again."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    odd = (".staging-", ".live-next", ".leaving-", ".mark")
    return sorted(name for name in names if any(word in name for word in odd))


def one(name: str, folder: Path, template: Path, kill_at: int) -> dict[str, Any] | None:
    """One step: killed there, recovered, looked at; ``None`` when there is no such step."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)
    log = folder.parent / "steps"
    told = os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    code = forked(lambda: run_and_die(name, folder, kill_at, told))
    os.close(told)
    if code == 0:
        return None
    steps = log.read_text(encoding="utf-8").splitlines()
    return {"step": steps[-1] if steps else "?", "code": code, **after(name, folder)}


def after(name: str, folder: Path) -> dict[str, Any]:
    """`found`, by a process of its own."""
    told = folder.parent / "found.json"
    told.unlink(missing_ok=True)
    forked(lambda: print(json.dumps(found(name, folder)), file=told.open("w"), flush=True))
    return dict(json.loads(told.read_text(encoding="utf-8"))) if told.exists() else {"lost": True}


def in_hook(name: str, hook: str, folder: Path, template: Path) -> dict[str, Any]:
    """Killed while a hook runs, which goes on alone."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)
    (folder / f"kill-{hook}").touch()
    code = forked(lambda: SCENARIOS[name](scene(name, folder)))
    return {"step": f"in {hook} hook", "code": code, **after(name, folder)}


def sweep(name: str, base: Path) -> list[dict[str, Any]]:
    """Every step of a scenario."""
    folder, template = base / "now", base / "template"
    prepare(name, folder)
    folder.rename(template)
    rows: list[dict[str, Any]] = []
    while (row := one(name, folder, template, len(rows) + 1)) is not None:
        rows.append(row)
    rows += [in_hook(name, hook, folder, template) for hook in ("before", "after")]
    return rows


if __name__ == "__main__":
    os.fsync = lambda _: None  # type: ignore[assignment,misc]
    hooks.POLL_S = 0.002
    print(json.dumps(sweep(sys.argv[1], Path(sys.argv[2]))))
