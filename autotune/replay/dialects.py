"""Every API that a workload can be replayed by."""

from __future__ import annotations

from collections.abc import Mapping

from autotune.replay.dialect import CHAT, Api, Dialect
from autotune.replay.messages_api import MESSAGES
from autotune.replay.responses_api import RESPONSES

DIALECTS: Mapping[Api, Dialect] = {dialect.api: dialect for dialect in (CHAT, MESSAGES, RESPONSES)}
