"""Whether a run is working on a study right now."""

from __future__ import annotations

import psutil

from autotune.study.folder import StudyFolder

_SLACK_S = 2.0


def running_process(folder: StudyFolder) -> int | None:
    """The process that tunes the study, or ``None``.

    The lock file names the last one that did. The lock itself is not tried: a run that begins in
    that moment would be told that another one is at work.
    """
    try:
        number = int(folder.lock_path.read_text())
        written_s = folder.lock_path.stat().st_mtime
        begun_s = psutil.Process(number).create_time()
    except (OSError, ValueError, psutil.Error):
        return None
    # A process that began after the file was written has only got the same number.
    return number if begun_s <= written_s + _SLACK_S else None
