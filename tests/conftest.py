"""For every test: hypothesis without deadlines, because a busy machine is not a failure."""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("autotune", deadline=None)
hypothesis.settings.load_profile("autotune")
