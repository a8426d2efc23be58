"""One streaming request, measured: the seam between bytes on a wire and an `Outcome`."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType

from autotune.replay.assembly import Assembly, assemble
from autotune.replay.decode_rate import burst_rate, decode_rate
from autotune.replay.endpoint import Endpoint, always_alive
from autotune.replay.http import Http
from autotune.replay.outcome import Outcome, TurnFailure
from autotune.replay.sse import parse_events
from autotune.replay.transfer import End, OpenStreams, Patience, Transfer, transfer
from autotune.replay.usage import Counts, counts_of
from autotune.replay.verdict import Verdict, judge_status, judge_stream

SETTLE_S = 1.0
"""How long a broken connection waits for the process to be seen dead: the socket closes first."""

_SETTLE_STEP_S = 0.05

INVISIBLE_REPLY = "no token of the reply was text, so it has no time to first token"


class Client:
    """Asks one endpoint. Threads may share it; `close` it, or use it as a context manager."""

    def __init__(self, endpoint: Endpoint, *, settle_s: float = SETTLE_S) -> None:
        self._endpoint = endpoint
        self._settle_s = settle_s
        self._streams = OpenStreams()
        self._http = Http(
            read_timeout_s=max(endpoint.first_token_timeout_s, endpoint.idle_timeout_s),
            keep_alive=endpoint.base_url.startswith("https:"),
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, body: bytes, asked: int | None) -> Outcome:
        """Send an encoded body; `asked` is the pinned output length.

        Every failure of the server is in the outcome. The clock starts after the request is built
        and stops when the stream ends; parsing comes after. What is refused for now is sent again
        as often as the endpoint allows, with a clock of its own.
        """
        endpoint, tries = self._endpoint, 0
        while True:
            tries += 1
            patience = self._patience()
            request = self._http.prepare_post(
                endpoint.url, body, endpoint.headers, read_timeout_s=patience.longest_s
            )
            started_at = datetime.now(UTC).isoformat()
            sent = transfer(request, patience, self._streams, endpoint.dialect)
            pause_s = endpoint.retries.pause_s(sent, tries)
            if pause_s is None or self._streams.pause(pause_s):
                break
        outcome = self._interpret(sent, asked, started_at)
        return self._told(outcome, tries - 1)

    def _patience(self) -> Patience:
        endpoint = self._endpoint
        return Patience(
            endpoint.hurry(endpoint.first_token_timeout_s), endpoint.hurry(endpoint.idle_timeout_s)
        )

    def _told(self, outcome: Outcome, retries: int) -> Outcome:
        """`outcome` with its retries, and without any secret that the server repeated."""
        detail = outcome.detail
        return replace(
            outcome,
            retries=retries if self._endpoint.retries.most else None,
            detail=None if detail is None else self._endpoint.hide(detail),
        )

    def abort(self) -> None:
        """Break every stream, from any thread: their requests end at once as failed."""
        self._streams.abort()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _interpret(self, sent: Transfer, asked: int | None, started_at: str) -> Outcome:
        if sent.status is not None and not 200 <= sent.status < 300:
            verdict = judge_status(sent.status, sent.body)
            return _outcome(started_at, sent, None, None, self._or_crash(verdict, sent))
        whole = assemble(parse_events(sent.chunks), self._endpoint.dialect)
        endpoint = self._endpoint
        counts = counts_of(whole, endpoint.cached_tokens_path, endpoint.timing_paths)
        if asked is not None:
            asked = max(asked, self._endpoint.least_output_tokens)
        verdict = judge_stream(whole, sent, asked, counts.shown_tokens, self._endpoint.fixed_length)
        outcome = _outcome(started_at, sent, whole, counts, self._or_crash(verdict, sent))
        rate = burst_rate if self._endpoint.bursts else decode_rate
        return replace(outcome, decode_tps=rate(whole, counts.shown_tokens))

    def _or_crash(self, verdict: Verdict, sent: Transfer) -> Verdict:
        """A reply that broke off is a crash when the process is gone or cannot be reached."""
        if verdict.failure is not TurnFailure.BAD_REPLY:
            return verdict
        answered = sent.status is not None and not 200 <= sent.status < 300
        if self._dies(within_s=0.0 if answered else self._settle_s):
            return Verdict(TurnFailure.CRASH, f"the engine's process ended: {verdict.detail}")
        if sent.end is End.BROKEN and sent.status is None:
            return Verdict(TurnFailure.CRASH, f"the engine does not answer: {sent.error}")
        return verdict

    def _dies(self, within_s: float) -> bool:
        """Whether the process is seen dead within that time. Of others' servers nothing is seen."""
        if self._endpoint.alive is always_alive:
            return False
        deadline_s = time.perf_counter() + within_s
        while self._endpoint.alive():
            if time.perf_counter() >= deadline_s:
                return False
            time.sleep(_SETTLE_STEP_S)
        return True


def _outcome(
    started_at: str,
    sent: Transfer,
    whole: Assembly | None,
    counts: Counts | None,
    verdict: Verdict,
) -> Outcome:
    if whole is None or counts is None:
        return Outcome(started_at=started_at, failure=verdict.failure, detail=verdict.detail)
    return Outcome(
        started_at=started_at,
        depth_tokens=counts.depth_tokens,
        cached_tokens=counts.cached_tokens,
        computed_tokens=counts.computed_tokens,
        output_tokens=counts.output_tokens,
        ttft_s=None if whole.first_s is None else whole.first_s - sent.sent_s,
        wall_s=sent.end_s - sent.sent_s,
        server_prefill_s=counts.server_prefill_s,
        server_decode_s=counts.server_decode_s,
        draft_tokens=counts.draft_tokens,
        draft_accepted_tokens=counts.draft_accepted_tokens,
        finish_reason=whole.finish_reason,
        cache_write_tokens=counts.cache_write_tokens,
        cost_usd=counts.cost_usd,
        provider=whole.provider,
        failure=verdict.failure,
        detail=verdict.detail or (INVISIBLE_REPLY if whole.first_s is None else None),
        reply=whole.reply,
    )
