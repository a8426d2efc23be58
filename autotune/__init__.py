"""autotune: finds the serving settings that make a coding agent feel fast on one GPU."""

from __future__ import annotations

__version__ = "0.1.0"
