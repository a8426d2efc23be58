"""Sessions and the sub-agents that they started, however deep."""

from __future__ import annotations

from collections.abc import Mapping


def family_roots(parents: Mapping[str, str | None]) -> dict[str, str]:
    """Session -> the session at the head of its family, from session -> parent.

    A parent that is not among the sessions is none; a circle ends where it closes.
    """

    def root(session: str) -> str:
        seen = {session}
        while (parent := parents.get(session)) in parents and parent not in seen:
            session = str(parent)
            seen.add(session)
        return session

    return {session: root(session) for session in parents}
