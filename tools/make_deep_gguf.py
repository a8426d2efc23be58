"""Write a small random Llama with a long context and print its path.

Replaying a 60k-token session needs a model whose window holds it and which prefills it in seconds
on two cores. This one has 2 layers of width 256 (13.9 M parameters, seeded, f16), the tokenizer
and chat template of the GGUF it is given, and a 131072-token window. It has a single attention
head, because attention is nearly all of the work at that depth. Its words mean nothing; its prompt
cache, its memory and its chat endpoint behave like any model's.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fetch_smollm2 import model_path
from toolbox import ToolError, answer, cache_dir, replacing, say

if TYPE_CHECKING:
    import gguf
    import numpy as np
    from numpy.typing import NDArray

PLAIN = re.compile(r"Ġ?[\x21-\x7e]+")
"""A token that is printable ASCII, perhaps after a space, in GPT-2's byte alphabet."""
NORMAL_TOKEN = 1
LOUD, QUIET = 1.0, 0.001
REVISION = "1"


@dataclass(frozen=True, slots=True)
class Shape:
    """The model's sizes. `seed` decides every weight."""

    layers: int = 2
    width: int = 256
    feed_forward: int = 768
    heads: int = 1
    kv_heads: int = 1
    head_width: int = 64
    context_tokens: int = 131072
    seed: int = 20

    def matrices(self, layer: int) -> Iterator[tuple[str, int, int]]:
        """Name, rows (outputs) and columns (inputs) of each matrix of a layer."""
        q_width, kv_width = self.heads * self.head_width, self.kv_heads * self.head_width
        block = f"blk.{layer}."
        yield block + "attn_q.weight", q_width, self.width
        yield block + "attn_k.weight", kv_width, self.width
        yield block + "attn_v.weight", kv_width, self.width
        yield block + "attn_output.weight", self.width, q_width
        yield block + "ffn_gate.weight", self.feed_forward, self.width
        yield block + "ffn_up.weight", self.feed_forward, self.width
        yield block + "ffn_down.weight", self.width, self.feed_forward


def deep_path() -> Path:
    """Where the model lives in the cache; the name changes with what is in it."""
    return cache_dir() / "models" / f"random-llama-2x256-131072-r{REVISION}.gguf"


def loudness(tokens: list[str], types: list[int]) -> NDArray[np.float32]:
    """A factor per token: control tokens and broken UTF-8 get logits near zero.

    So every reply is plain words of exactly the asked length, and text and tokens agree.
    """
    import numpy as np

    plain = [
        kind == NORMAL_TOKEN and PLAIN.fullmatch(text) is not None
        for text, kind in zip(tokens, types, strict=True)
    ]
    return np.where(plain, LOUD, QUIET).astype(np.float32)


def tensors(shape: Shape, loud: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every tensor by GGUF name; norms stay f32, as llama.cpp wants them."""
    import numpy as np

    rng = np.random.default_rng(shape.seed)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        scale = np.float32(columns**-0.5)
        return np.multiply(rng.standard_normal((rows, columns), dtype=np.float32), scale)

    ones = np.ones(shape.width, dtype=np.float32)
    yield "token_embd.weight", (matrix(len(loud), shape.width) * loud[:, None]).astype(np.float16)
    yield "output_norm.weight", ones
    for layer in range(shape.layers):
        yield f"blk.{layer}.attn_norm.weight", ones
        yield f"blk.{layer}.ffn_norm.weight", ones
        for name, rows, columns in shape.matrices(layer):
            yield name, matrix(rows, columns).astype(np.float16)


def describe(writer: gguf.GGUFWriter, shape: Shape, vocabulary: int) -> None:
    """The ``llama.*`` keys."""
    writer.add_name("Random Llama for engine tests")
    writer.add_context_length(shape.context_tokens)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    writer.add_file_type(1)


def copy_tokenizer(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    """Every ``tokenizer.*`` key, the chat template included, as it is."""
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            kinds = field.types
            writer.add_key_value(name, field.contents(), kinds[0], *kinds[1:2])


def contents(reader: gguf.GGUFReader, name: str) -> Any:
    """One key of the donor; raises `ToolError` when it has none."""
    field = reader.get_field(name)
    if field is None:
        raise ToolError(f"the donor has no {name}: give a GGUF with a GPT-2 tokenizer")
    return field.contents()


def write(donor: Path, target: Path, shape: Shape) -> None:
    """Write the model with the donor's tokenizer; `target` appears in one step."""
    import gguf

    reader = gguf.GGUFReader(donor)
    tokens: list[str] = contents(reader, "tokenizer.ggml.tokens")
    loud = loudness(tokens, contents(reader, "tokenizer.ggml.token_type"))
    with replacing(target) as partial:
        writer = gguf.GGUFWriter(partial, "llama")
        describe(writer, shape, len(tokens))
        copy_tokenizer(reader, writer)
        for name, data in tensors(shape, loud):
            writer.add_tensor(name, data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the donor will not do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=deep_path(), help="default: %(default)s")
    parser.add_argument("--donor", type=Path, default=model_path(), help="default: %(default)s")
    options = parser.parse_args(argv)
    target: Path = options.output
    try:
        if not options.donor.exists():
            raise ToolError(f"{options.donor} does not exist: run `make models` first")
        if not target.exists():
            write(options.donor, target, Shape())
    except ToolError as err:
        say(f"error: {err}")
        return 1
    answer(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
