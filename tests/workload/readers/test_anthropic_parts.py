from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.readers.anthropic_parts import blocks_of, content_of, parts_of


def test_a_string_is_one_block() -> None:
    assert blocks_of("hi") == [{"type": "text", "text": "hi"}]
    assert blocks_of(["hi"]) == [{"type": "text", "text": "hi"}]


@pytest.mark.parametrize("content", [None, 3, {"type": "text"}, [3], [{}], [{"type": 1}]])
def test_anything_else_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match="content"):
        blocks_of(content)


def test_text_blocks_are_lines_of_one_string() -> None:
    marked = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    assert content_of([{"type": "text", "text": "a"}, marked]) == "a\nb"
    assert content_of([]) == ""
    with pytest.raises(ValueError, match="without text"):
        content_of([{"type": "text", "text": None}])


def test_media_make_it_parts() -> None:
    data = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
    url = {"type": "url", "url": "https://example.org/a.png"}
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": "look"},
        {"type": "image", "source": data},
        {"type": "image", "source": url},
    ]
    assert content_of(blocks) == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    assert content_of([{"type": "image", "source": {"type": "file"}}]) == "[image]"


def test_documents_are_their_text_or_a_file() -> None:
    text = {"type": "text", "media_type": "text/plain", "data": "body"}
    document = {"type": "document", "title": "notes", "source": text}
    assert content_of([document]) == "notes\nbody"
    inner = {"type": "content", "content": [{"type": "text", "text": "inner"}]}
    assert content_of([{"type": "document", "source": inner}]) == "inner"
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}
    (part,) = parts_of([{"type": "document", "source": pdf}])
    assert part == {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ=="}}
    assert content_of([{"type": "document", "source": None}]) == "[document]"


def test_a_block_of_another_type_is_its_json_without_marks() -> None:
    block = {"type": "search_result", "title": "t", "cache_control": {}, "signature": "x"}
    assert content_of([block]) == '{"type":"search_result","title":"t"}'
