"""Write a tiny model folder in Hugging Face's layout and print its path.

For tests of engines that read such folders. A Llama with 4 layers of width 512 (16.3 M parameters,
seeded, f16) and a window of 32768 tokens, a tokenizer trained on the spot, and a chat template that
takes system, user, assistant and tool messages, and tools. Its words mean nothing; its cache, its
memory and its chat endpoint behave like any model's. The same bytes come out on every machine. It
is not smaller because an engine in Python must keep up with it: where tokens come faster than they
can be sent, they come in bursts.

With ``--deep``, a window of 131072 tokens instead: 2 layers of width 256 with a single attention
head, because attention is nearly all of the work at that depth, and two cores must do it. It takes
the vocabulary of a GGUF (SmolLM2's), so that text is as many tokens as on other engines.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fetch_smollm2 import model_path
from tiny_bpe import Pair, train, vocabulary
from toolbox import ToolError, answer, cache_dir, replacing, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REVISION = "2"
FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
WEIGHTS = "model.safetensors"
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PLAIN = re.compile(r"Ġ?[\x21-\x7e]+")
"""A token that is printable ASCII, perhaps after a space, in GPT-2's byte alphabet."""
LOUD, QUIET = 1.0, 0.001

CHAT_TEMPLATE = """\
{%- if tools -%}
<|im_start|>system
You may call these tools:
{% for tool in tools -%}
{{ tool | tojson }}
{% endfor -%}
<|im_end|>
{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}
<tool_call>{{ call.function.name }} {{ call.function.arguments | tojson }}</tool_call>
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""

CORPUS = """\
the and for that with this from have not are you all can will one out use when what file files line
lines code test tests error errors function class method module package import return value values
name names type types string number list dict data path folder directory read write open close run
command output input result change changes add remove fix make build start stop check look find
search show print call calls argument arguments option options setting settings default user system
message messages request response server client model token tokens prompt cache memory size depth
time step steps first last next previous new old same other each every before after into over under
between without because should would could must need needs want does done true false none null self
def async await yield raise except try else elif while break continue pass lambda assert global
repository project source main index config version release branch commit merge diff patch review
bug issue feature document docs readme example examples install require update upgrade document
table column row key keys query index sort filter map join split format parse encode decode load
save store fetch send receive connect handle handler event queue worker thread process pool lock
plan write answer question explain describe careful programmer short sentence sentences small large
begin end inside outside again today left right above below good better best more most less least
"""
"""Words that sessions of programming agents are made of."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The model's sizes. `seed` decides every weight."""

    layers: int = 4
    width: int = 512
    feed_forward: int = 2048
    heads: int = 8
    kv_heads: int = 2
    head_width: int = 64
    context_tokens: int = 32768
    merges: int = 1200
    seed: int = 7

    def matrices(self, layer: int) -> Iterator[tuple[str, int, int]]:
        """Name, rows (outputs) and columns (inputs) of each matrix of a layer."""
        q_width, kv_width = self.heads * self.head_width, self.kv_heads * self.head_width
        block = f"model.layers.{layer}."
        yield block + "self_attn.q_proj.weight", q_width, self.width
        yield block + "self_attn.k_proj.weight", kv_width, self.width
        yield block + "self_attn.v_proj.weight", kv_width, self.width
        yield block + "self_attn.o_proj.weight", self.width, q_width
        yield block + "mlp.gate_proj.weight", self.feed_forward, self.width
        yield block + "mlp.up_proj.weight", self.feed_forward, self.width
        yield block + "mlp.down_proj.weight", self.width, self.feed_forward


DEEP = Shape(
    layers=2, width=256, feed_forward=768, heads=1, kv_heads=1, context_tokens=131072
)  # fmt: skip
"""A window as long as sessions get, at the least work for each token in it."""


def tiny_path() -> Path:
    """Where the folder lives in the cache; the name changes with what is in it."""
    return cache_dir() / "models" / f"tiny-llama-hf-r{REVISION}"


def deep_path() -> Path:
    """The same for the deep one."""
    return cache_dir() / "models" / f"deep-llama-hf-r{REVISION}"


def corpus() -> str:
    """Every word at the start of a line and after a space, and the ways code joins words."""
    words = CORPUS.split()
    joined = (f"{a}_{b}" for a, b in pairwise(words))
    return "\n".join([*words, " ".join(words), " ".join(words), " ".join(joined)])


def config(shape: Shape, tokens: int) -> dict[str, Any]:
    """``config.json``: a plain Llama with grouped queries."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "bfloat16",
        "vocab_size": tokens,
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_width,
        "max_position_embeddings": shape.context_tokens,
        "rope_theta": 1000000.0,
        "rms_norm_eps": 1e-05,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": SPECIAL.index("<|im_end|>"),
        "pad_token_id": SPECIAL.index("<|endoftext|>"),
    }


@dataclass(frozen=True, slots=True)
class Words:
    """A byte-level vocabulary, special tokens first; `digits` are one token each in some."""

    tokens: list[str]
    merges: list[Pair]
    digits: bool = False


def trained(shape: Shape) -> Words:
    """A vocabulary of `CORPUS`."""
    merges = train(corpus(), shape.merges)
    return Words(vocabulary(merges, SPECIAL), merges)


def borrowed(donor: Path) -> Words:
    """SmolLM2's vocabulary, from a GGUF. Raises `ToolError` for one with other special tokens."""
    import gguf

    reader = gguf.GGUFReader(donor)
    tokens, merges = (reader.get_field(f"tokenizer.ggml.{name}") for name in ("tokens", "merges"))
    if tokens is None or merges is None or tuple(tokens.contents()[:3]) != SPECIAL:
        raise ToolError(f"{donor} has not SmolLM2's tokenizer: run `make models` and give that")
    pairs = [(left, right) for left, _, right in (m.partition(" ") for m in merges.contents())]
    return Words(tokens.contents(), pairs, digits=True)


def tokenizer(words: Words) -> dict[str, Any]:
    """``tokenizer.json``: byte-level BPE, special tokens first."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    split: dict[str, Any] = {**byte_level, "use_regex": True}
    if words.digits:
        single = {"type": "Digits", "individual_digits": True}
        split = {"type": "Sequence", "pretokenizers": [single, split]}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": at, "content": text, **flags, "special": True} for at, text in enumerate(SPECIAL)
        ],
        "normalizer": None,
        "pre_tokenizer": split,
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {text: at for at, text in enumerate(words.tokens)},
            "merges": [" ".join(pair) for pair in words.merges],
        },
    }


def tokenizer_config(shape: Shape) -> dict[str, Any]:
    """``tokenizer_config.json``, the chat template in it."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": shape.context_tokens,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def loudness(tokens: list[str]) -> NDArray[np.float32]:
    """A factor per token: special tokens and broken UTF-8 get logits near zero.

    So every reply is plain words of exactly the asked length, and each token has a text.
    """
    import numpy as np

    plain = [text not in SPECIAL and PLAIN.fullmatch(text) is not None for text in tokens]
    return np.where(plain, LOUD, QUIET).astype(np.float32)


def tensors(shape: Shape, loud: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every tensor by name, f16."""
    import numpy as np

    rng = np.random.default_rng(shape.seed)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        scale = np.float32(columns**-0.5)
        return np.multiply(rng.standard_normal((rows, columns), dtype=np.float32), scale)

    ones = np.ones(shape.width, dtype=np.float16)
    yield "model.embed_tokens.weight", matrix(len(loud), shape.width).astype(np.float16)
    yield "lm_head.weight", (matrix(len(loud), shape.width) * loud[:, None]).astype(np.float16)
    yield "model.norm.weight", ones
    for layer in range(shape.layers):
        yield f"model.layers.{layer}.input_layernorm.weight", ones
        yield f"model.layers.{layer}.post_attention_layernorm.weight", ones
        for name, rows, columns in shape.matrices(layer):
            yield name, matrix(rows, columns).astype(np.float16)


def safetensors(named: Mapping[str, NDArray[Any]]) -> bytes:
    """The file format: length of the header (8 bytes, little endian), JSON header, raw tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, data in named.items():
        end = begin + data.nbytes
        header[name] = {"dtype": "F16", "shape": [*data.shape], "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = [len(text).to_bytes(8, "little"), text, *(d.tobytes() for d in named.values())]
    return b"".join(parts)


def write(folder: Path, shape: Shape, words: Words) -> None:
    """Write the whole folder; the weights come last, so a torn folder is never complete."""
    contents: Mapping[str, Any] = {
        "config.json": config(shape, len(words.tokens)),
        "generation_config.json": {"eos_token_id": SPECIAL.index("<|im_end|>")},
        "tokenizer.json": tokenizer(words),
        "tokenizer_config.json": tokenizer_config(shape),
    }
    for name, content in contents.items():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    with replacing(folder / WEIGHTS) as partial:
        partial.write_bytes(safetensors(dict(tensors(shape, loudness(words.tokens)))))


def is_complete(folder: Path) -> bool:
    """Whether every file is there."""
    return all((folder / name).is_file() for name in (*FILES, WEIGHTS))


def make(target: Path, donor: Path | None) -> None:
    """The small one, or the deep one with the words of `donor`."""
    if donor is None:
        write(target, Shape(), trained(Shape()))
    elif not donor.exists():
        raise ToolError(f"{donor} does not exist: run `make models` first")
    else:
        write(target, DEEP, borrowed(donor))


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when the folder cannot be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help=f"default: {tiny_path()}, or {deep_path()}")
    parser.add_argument("--deep", action="store_true", help="a window of 131072 tokens")
    parser.add_argument("--donor", type=Path, default=model_path(), help="of the deep one's words")
    options = parser.parse_args(argv)
    target: Path = options.output or (deep_path() if options.deep else tiny_path())
    try:
        if target.exists() and not target.is_dir():
            raise ToolError(f"{target} is a file: give --output a folder")
        if not is_complete(target):
            make(target, options.donor if options.deep else None)
    except (ToolError, OSError) as err:
        say(f"error: {err}")
        return 1
    answer(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
