"""Units as they are written."""

from __future__ import annotations

import configparser
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.systemd_text import service_text, timer_text


def test_the_service_is_bounded_and_saves_what_it_has(plan: Plan, tmp_path: Path) -> None:
    lines = service_text(plan).splitlines()
    assert lines[lines.index("[Service]") :] == [
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={tmp_path}",
        'Environment="PATH=/usr/bin:/bin"',
        f"EnvironmentFile=-{tmp_path}/nightly.env",
        'ExecStart="/bin/echo" "nightly" "run"',
        "TimeoutStartSec=18000",
        "KillSignal=SIGINT",
        "KillMode=mixed",
        "TimeoutStopSec=120",
        "SuccessExitStatus=75 1",
        "OOMPolicy=continue",
    ]


@pytest.mark.parametrize(
    ("days", "calendar"), [((), "*-*-* 02:30:00"), ((0, 6), "Mon,Sun *-*-* 02:30:00")]
)
def test_the_timer_makes_up_for_missed_nights(
    make_plan: Callable[..., Plan], days: tuple[int, ...], calendar: str
) -> None:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parsed.read_string(timer_text(make_plan(days=days)))
    assert dict(parsed["Timer"]) == {
        "OnCalendar": calendar,
        "RandomizedDelaySec": "900",
        "Persistent": "true",
    }
    assert dict(parsed["Install"]) == {"WantedBy": "timers.target"}


def test_words_mean_themselves(make_plan: Callable[..., Plan]) -> None:
    text = service_text(
        make_plan(
            folder=Path("/a b/100%"),
            command=("/opt/$x/run", "$HOME", '"q"', "back\\", "50%", "tab\t"),
            environment={"PATH": '/a b:/"c"', "LANG": "$C"},
        )
    )
    assert "WorkingDirectory=/a b/100%%\n" in text
    words = r'ExecStart="/opt/$x/run" "$$HOME" "\"q\"" "back\\" "50%%" "tab\t"'
    assert words + "\n" in text
    assert 'Environment="LANG=$C"\nEnvironment="PATH=/a b:/\\"c\\""\n' in text


@pytest.mark.parametrize("folder", ["/a\nb", "/ends with a blank ", "/ends with\\"])
def test_a_folder_that_a_unit_cannot_hold(make_plan: Callable[..., Plan], folder: str) -> None:
    with pytest.raises(UserError, match="a unit file cannot hold the path") as caught:
        service_text(make_plan(folder=Path(folder)))
    assert "--schedule cron" in caught.value.hint
