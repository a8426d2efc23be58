"""The random Llama of ``make_deep_gguf``, its matrices quantized: another build of one model."""

from __future__ import annotations

from pathlib import Path

from make_deep_gguf import Shape, contents, copy_tokenizer, describe, loudness, tensors


def write_quantized(donor: Path, target: Path, shape: Shape) -> None:
    """The same weights as ``make_deep_gguf.write`` makes of `shape`, in Q8_0; norms stay f32."""
    import gguf
    from gguf.quants import quantize

    kind = gguf.GGMLQuantizationType.Q8_0
    reader = gguf.GGUFReader(donor)
    tokens: list[str] = contents(reader, "tokenizer.ggml.tokens")
    loud = loudness(tokens, contents(reader, "tokenizer.ggml.token_type"))
    partial = target.with_name(f".{target.name}")
    writer = gguf.GGUFWriter(partial, "llama")
    describe(writer, shape, len(tokens))
    copy_tokenizer(reader, writer)
    for name, data in tensors(shape, loud):
        if data.ndim == 1:
            writer.add_tensor(name, data)
        else:
            writer.add_tensor(name, quantize(data.astype("float32"), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)
