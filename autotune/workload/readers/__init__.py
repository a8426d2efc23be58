"""Readers of capture formats, one file each, named in explicit tables.

A new format is a file here and an entry in the table of its kind.
"""

from __future__ import annotations

from autotune.workload.readers.agentperf import AgentPerfReader
from autotune.workload.readers.aiperf import AIPerfInputsReader, AIPerfTraceReader
from autotune.workload.readers.anthropic_messages import AnthropicMessagesReader
from autotune.workload.readers.atif import AtifReader
from autotune.workload.readers.bailian import BailianReader
from autotune.workload.readers.base import DocumentReader, FolderReader, LineReader, Reader
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.readers.claude_code import ClaudeCodeReader
from autotune.workload.readers.cline import ClineReader
from autotune.workload.readers.codex import CodexReader
from autotune.workload.readers.fizeau import FizeauReader
from autotune.workload.readers.gemini_cli import GeminiCliReader
from autotune.workload.readers.har import HarReader
from autotune.workload.readers.litellm import LiteLLMReader
from autotune.workload.readers.mini_swe_agent import MiniSweAgentReader
from autotune.workload.readers.mooncake import MooncakeReader
from autotune.workload.readers.openai_chat import OpenAIChatReader
from autotune.workload.readers.openai_responses import OpenAIResponsesReader
from autotune.workload.readers.opencode import OpenCodeReader
from autotune.workload.readers.openhands import OpenHandsReader
from autotune.workload.readers.openhands_completions import OpenHandsCompletionsReader
from autotune.workload.readers.otel import OtelReader
from autotune.workload.readers.pi import PiReader
from autotune.workload.readers.promptreplay import PromptreplayReader
from autotune.workload.readers.qwen_code import QwenCodeReader
from autotune.workload.readers.swe_agent import SweAgentReader
from autotune.workload.readers.weka import WekaReader

_ATIF, _CODEX, _GEMINI, _OPENCODE, _OPENHANDS, _OTEL = (
    AtifReader(),
    CodexReader(),
    GeminiCliReader(),
    OpenCodeReader(),
    OpenHandsReader(),
    OtelReader(),
)

_LITELLM, _OPENAI_CHAT = LiteLLMReader(), OpenAIChatReader()

LINE_READERS: tuple[LineReader, ...] = (
    Capture1Reader(),
    FizeauReader(),
    _CODEX,
    ClaudeCodeReader(),
    QwenCodeReader(),
    PiReader(),
    _GEMINI,
    PromptreplayReader(),
    AnthropicMessagesReader(),
    MooncakeReader(),
    BailianReader(),
    AgentPerfReader(),
    AIPerfTraceReader(),
    _LITELLM,
    _OPENHANDS,
    _OPENCODE,
    _OTEL,
    OpenAIResponsesReader(),
    _OPENAI_CHAT,
)
"""Formats of JSON lines. Most evidence wins; of equals the earlier one."""

DOCUMENT_READERS: tuple[DocumentReader, ...] = (
    WekaReader(),
    AIPerfInputsReader(),
    HarReader(),
    _LITELLM,
    _ATIF,
    _CODEX,
    _GEMINI,
    SweAgentReader(),
    MiniSweAgentReader(),
    _OPENCODE,
    _OTEL,
    ClineReader(),
    _OPENAI_CHAT,
)
"""Formats of one JSON document a file. The first that claims it wins: the narrower goes first."""

FOLDER_READERS: tuple[FolderReader, ...] = (
    _ATIF,
    _OPENHANDS,
    OpenHandsCompletionsReader(),
)
"""Formats of files that belong together. The first that claims a folder wins."""

READERS: dict[str, Reader] = {
    reader.name: reader for reader in (*LINE_READERS, *DOCUMENT_READERS, *FOLDER_READERS)
}
"""Every format that can be read, by name."""

__all__ = [
    "DOCUMENT_READERS",
    "FOLDER_READERS",
    "LINE_READERS",
    "READERS",
    "DocumentReader",
    "FolderReader",
    "LineReader",
    "Reader",
]
