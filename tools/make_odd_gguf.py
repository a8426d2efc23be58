"""Write small random models with unusual memory and print their paths.

What a model takes is worked out from its header, and most headers are alike: as many K elements as
V elements, the same heads in every layer. These two are not. ``odd`` has another number of KV heads
in every layer, K heads wider than the embedding over the heads, narrower V heads, and sliding
windows on half of the layers (architecture mimo2, dense). ``mamba`` has no KV cache at all, but a
recurrent state. Both take the tokenizer of the GGUF they are given; their words mean nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fetch_smollm2 import model_path
from make_deep_gguf import contents, copy_tokenizer
from toolbox import ToolError, answer, cache_dir, replacing, say

if TYPE_CHECKING:
    import gguf
    import numpy as np
    from numpy.typing import NDArray

REVISION = "2"
CONTEXT_TOKENS = 32768
WIDTH = 128
SEED = 20

Tensors = Iterator[tuple[str, "NDArray[Any]"]]


class Model(Protocol):
    """A model to write: its architecture, its layers, its keys and its tensors."""

    @property
    def architecture(self) -> str:
        """What llama.cpp calls it."""
        ...

    @property
    def layers(self) -> int:
        """How many."""
        ...

    def keys(self, writer: gguf.GGUFWriter) -> None:
        """Write the keys that only this architecture has."""
        ...

    def tensors(self, vocabulary: int) -> Tensors:
        """Every tensor by GGUF name."""
        ...


class Weights:
    """Seeded random matrices: f16, scaled so that activations keep their size."""

    def __init__(self) -> None:
        import numpy as np

        self._rng = np.random.default_rng(SEED)

    def matrix(self, rows: int, columns: int) -> NDArray[np.float16]:
        """`rows` outputs of `columns` inputs."""
        import numpy as np

        values = self._rng.standard_normal((rows, columns), dtype=np.float32)
        return (values * np.float32(columns**-0.5)).astype(np.float16)

    def ones(self, *shape: int) -> NDArray[np.float32]:
        """Norms and other vectors stay f32, as llama.cpp wants them."""
        import numpy as np

        return np.ones(shape, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Odd:
    """The unusual head layout: heads, KV heads and windows layer by layer."""

    heads: tuple[int, ...] = (4, 8, 4, 8)
    kv_heads: tuple[int, ...] = (1, 4, 2, 8)
    windows: tuple[bool, ...] = (True, False, True, False)
    window_tokens: int = 256
    key_length: int = 96
    value_length: int = 64
    feed_forward: int = 1024
    architecture: str = "mimo2"

    @property
    def layers(self) -> int:
        """How many."""
        return len(self.heads)

    def keys(self, writer: gguf.GGUFWriter) -> None:
        """The ``mimo2.*`` keys."""
        writer.add_feed_forward_length(self.feed_forward)
        writer.add_expert_feed_forward_length(self.feed_forward)
        writer.add_head_count(list(self.heads))
        writer.add_head_count_kv(list(self.kv_heads))
        writer.add_key_length(self.key_length)
        writer.add_value_length(self.value_length)
        writer.add_rope_dimension_count(self.value_length)
        writer.add_sliding_window(self.window_tokens)
        writer.add_array("mimo2.attention.sliding_window_pattern", list(self.windows))

    def tensors(self, vocabulary: int) -> Tensors:
        """Every tensor by GGUF name."""
        weights = Weights()
        yield "token_embd.weight", weights.matrix(vocabulary, WIDTH)
        yield "output.weight", weights.matrix(vocabulary, WIDTH)
        yield "output_norm.weight", weights.ones(WIDTH)
        for layer, (heads, kv) in enumerate(zip(self.heads, self.kv_heads, strict=True)):
            block = f"blk.{layer}."
            yield block + "attn_norm.weight", weights.ones(WIDTH)
            yield block + "ffn_norm.weight", weights.ones(WIDTH)
            yield block + "attn_q.weight", weights.matrix(heads * self.key_length, WIDTH)
            yield block + "attn_k.weight", weights.matrix(kv * self.key_length, WIDTH)
            yield block + "attn_v.weight", weights.matrix(kv * self.value_length, WIDTH)
            yield block + "attn_output.weight", weights.matrix(WIDTH, heads * self.value_length)
            yield block + "ffn_gate.weight", weights.matrix(self.feed_forward, WIDTH)
            yield block + "ffn_up.weight", weights.matrix(self.feed_forward, WIDTH)
            yield block + "ffn_down.weight", weights.matrix(WIDTH, self.feed_forward)


@dataclass(frozen=True, slots=True)
class Mamba:
    """A state-space model: llama.cpp wants `inner` to be twice the embedding."""

    layers: int = 6
    inner: int = 2 * WIDTH
    state: int = 16
    conv: int = 4
    rank: int = 8
    architecture: str = "mamba"

    def keys(self, writer: gguf.GGUFWriter) -> None:
        """The ``mamba.*`` keys."""
        writer.add_feed_forward_length(0)
        writer.add_head_count(0)
        writer.add_ssm_conv_kernel(self.conv)
        writer.add_ssm_inner_size(self.inner)
        writer.add_ssm_state_size(self.state)
        writer.add_ssm_time_step_rank(self.rank)

    def tensors(self, vocabulary: int) -> Tensors:
        """Every tensor by GGUF name."""
        weights = Weights()
        inner, state = self.inner, self.state
        yield "token_embd.weight", weights.matrix(vocabulary, WIDTH)
        yield "output_norm.weight", weights.ones(WIDTH)
        for layer in range(self.layers):
            block = f"blk.{layer}."
            yield block + "attn_norm.weight", weights.ones(WIDTH)
            yield block + "ssm_in.weight", weights.matrix(2 * inner, WIDTH)
            yield block + "ssm_conv1d.weight", weights.ones(inner, self.conv)
            yield block + "ssm_conv1d.bias", weights.ones(inner)
            yield block + "ssm_x.weight", weights.matrix(self.rank + 2 * state, inner)
            yield block + "ssm_dt.weight", weights.matrix(inner, self.rank)
            yield block + "ssm_dt.bias", weights.ones(inner)
            yield block + "ssm_a", -weights.ones(inner, state)
            yield block + "ssm_d", weights.ones(inner)
            yield block + "ssm_out.weight", weights.matrix(WIDTH, inner)


def path_of(model: Model) -> Path:
    """Where `model` lives in the cache; the name changes with what is in it."""
    return cache_dir() / "models" / f"random-{model.architecture}-{WIDTH}-r{REVISION}.gguf"


def write(donor: Path, target: Path, model: Model) -> None:
    """Write `model` with the donor's tokenizer; `target` appears in one step."""
    import gguf

    reader = gguf.GGUFReader(donor)
    vocabulary = len(contents(reader, "tokenizer.ggml.tokens"))
    with replacing(target) as partial:
        writer = gguf.GGUFWriter(partial, model.architecture)
        writer.add_name(f"Random {model.architecture} for engine tests")
        writer.add_context_length(CONTEXT_TOKENS)
        writer.add_embedding_length(WIDTH)
        writer.add_block_count(model.layers)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_vocab_size(vocabulary)
        writer.add_file_type(1)
        model.keys(writer)
        copy_tokenizer(reader, writer)
        for name, data in model.tensors(vocabulary):
            writer.add_tensor(name, data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the donor will not do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=cache_dir() / "models")
    parser.add_argument("--donor", type=Path, default=model_path(), help="default: %(default)s")
    options = parser.parse_args(argv)
    try:
        if not options.donor.exists():
            raise ToolError(f"{options.donor} does not exist: run `make models` first")
        for model in (Odd(), Mamba()):
            target: Path = options.folder / path_of(model).name
            if not target.exists():
                write(options.donor, target, model)
            answer(target)
    except ToolError as err:
        say(f"error: {err}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
