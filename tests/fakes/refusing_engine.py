"""The fake engine in a later version that has fewer flags: ``--without=NAME`` says which.

It runs with the default of what it does not take any more, and its ``--help`` says nothing of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).parent))

import fake_engine

WITHOUT = "--without="


class Engine(fake_engine.Engine):
    """With the defaults of what it has no flags for."""

    gone: ClassVar[dict[str, Any]] = {}

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.settings |= self.gone


def main() -> None:
    names = [word.removeprefix(WITHOUT) for word in sys.argv if word.startswith(WITHOUT)]
    sys.argv = [word for word in sys.argv if not word.startswith(WITHOUT)]
    if "--version" in sys.argv:
        print("fake-engine 2.0")
        return
    Engine.gone = {name: fake_engine.SETTINGS.pop(name) for name in names}
    fake_engine.Engine = Engine  # type: ignore[misc]
    fake_engine.main()


if __name__ == "__main__":
    main()
