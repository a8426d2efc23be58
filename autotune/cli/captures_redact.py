"""``autotune captures redact``: captures to share, without what is nobody else's business."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliPositionalArg

from autotune.cli.captures_tokenizer import serving
from autotune.cli.io import CommandIO
from autotune.errors import ExitCode, UserError
from autotune.report.captures import damage_lines
from autotune.report.redaction import print_redaction_report

if TYPE_CHECKING:
    from autotune.workload.redaction.options import RedactionOptions
    from autotune.workload.redaction.report import RedactionReport
    from autotune.workload.redaction.tokenizer import Tokenizer

SOMETHING_FOUND = 1
"""The exit code of ``--check`` for captures that hold what a rule speaks of."""


class CapturesRedact(BaseModel):
    """Take secrets and names out of captures, and leave depth and prefixes as they are.

    Keys, tokens, passwords, home paths, names of accounts, e-mail addresses, ids in metadata and
    the words you give become pseudonyms: the same one in every turn and session, of the same
    length, or with --model or --endpoint of exactly the same token count in every text. What is
    written is checked before it appears; if a rule still finds something, nothing is written.

    Examples:
        autotune captures redact session.jsonl --check
        autotune captures redact captures/ shared/ --word acme --words-file names.txt
        autotune captures redact captures/ shared.jsonl.zst --model SmolLM2-135M.gguf
        autotune captures redact captures/ shapes.jsonl.zst --text none
    """

    model_config = ConfigDict(extra="forbid")

    path: CliPositionalArg[Path] = Field(description="capture file, or a folder of captures")
    out: CliPositionalArg[Path | None] = Field(
        None, description="file to write (.jsonl, .jsonl.gz, .jsonl.zst), or a folder"
    )
    check: bool = Field(
        False, description="only tell what would be redacted; ends with code 1 if there is any"
    )
    text: Literal["keep", "none"] = Field(
        "keep", description="none puts filler of as many tokens for every text"
    )
    word: list[str] = Field(
        default_factory=list, description="a word that has to go, in any case (may be repeated)"
    )
    words_file: Path | None = Field(None, description="a file of such words, one a line")
    allow: list[str] = Field(
        default_factory=list,
        description="a value that may stay: a name, an address, a domain (may be repeated)",
    )
    without: list[str] = Field(
        default_factory=list, description="leave this rule out (may be repeated)"
    )
    hosts: bool = Field(False, description="also addresses and names of private networks")
    session_ids: bool = Field(False, description="also the ids of sessions")
    salt: str | None = Field(
        None, description="makes the output repeatable; keep it secret. Drawn anew by default"
    )
    model: Path | None = Field(
        None, description="GGUF file whose tokenizer keeps token counts exact, on the CPU"
    )
    engine: str = Field("reference", description="the engine that loads --model")
    endpoint: str | None = Field(
        None, description="URL of a running llama-server or vLLM whose tokenizer does instead"
    )
    force: bool = Field(False, description="replace what is already at OUT")

    def run(self, io: CommandIO) -> int:
        """Checks, or writes and says what was done."""
        report = self._checked() if self.check else self._written()
        if io.json:
            io.emit_json({"path": None if self.check else self.out, **_as_json(report)})
        else:
            for line in damage_lines(report.damage):
                io.err.print(line, markup=False, soft_wrap=True)
            print_redaction_report(report, io.out, None if self.check else self.out)
        found = self.check and report.found
        return SOMETHING_FOUND if found else int(ExitCode.DONE)

    def _checked(self) -> RedactionReport:
        from autotune.workload.redaction.run import check_captures

        return check_captures([self.path], self._options())

    def _written(self) -> RedactionReport:
        from autotune.cli.captures import refuse_overlap
        from autotune.workload.redaction.run import redact_captures

        if self.out is None:
            raise UserError("redact has nowhere to write", "give OUT, or --check to only look")
        refuse_overlap(self.path.resolve(), self.out.resolve())
        options = self._options()
        with self._tokenizer() as tokenizer:
            return redact_captures(
                [self.path], self.out, options, tokenizer=tokenizer, force=self.force
            )

    def _options(self) -> RedactionOptions:
        import secrets

        from autotune.workload.redaction.options import RedactionOptions, TextMode, salt_of

        options = RedactionOptions(
            salt=secrets.token_bytes(32) if self.salt is None else salt_of(self.salt),
            words=(*self.word, *_words_in(self.words_file)),
            allow=frozenset(self.allow),
            without=frozenset(self.without),
            hosts=self.hosts,
            session_ids=self.session_ids,
            text=TextMode(self.text),
        )
        options.check()
        return options

    @contextmanager
    def _tokenizer(self) -> Iterator[Tokenizer | None]:
        """The tokenizer of the endpoint or model given; an engine of ours is stopped behind it."""
        if self.model is not None and self.endpoint is not None:
            raise UserError("--model and --endpoint are two tokenizers", "give one of them")
        if self.endpoint is not None:
            with _asking(self.endpoint) as tokenizer:
                yield tokenizer
        elif self.model is not None:
            engine = serving(self.engine, self.model)
            with engine as (_, server), _asking(server.base_url) as tokenizer:
                yield tokenizer
        else:
            yield None


@contextmanager
def _asking(url: str) -> Iterator[Tokenizer]:
    from autotune.workload.redaction.tokenizer import EndpointTokenizer

    tokenizer = EndpointTokenizer(url)
    try:
        tokenizer.tokens("Hello")  # says at once when nobody is there
        yield tokenizer
    finally:
        tokenizer.close()


def _words_in(path: Path | None) -> list[str]:
    """The words of a file, one a line; lines that are blank or begin with ``#`` are none."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(
            f"cannot read {path}: {reason}", "give a text file, a word a line"
        ) from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _as_json(report: RedactionReport) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(report), "found": report.found}
