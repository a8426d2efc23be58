"""Sizes of the ggml tensor types: what a block holds and what it weighs.

The numbers are part of the GGUF format (a file's type ids never change meaning). The test compares
them with the ``gguf`` package's own table.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_QK_K = 256


@dataclass(frozen=True, slots=True)
class GgmlType:
    """One tensor type: `block_elements` values are stored in `block_bytes` bytes."""

    name: str
    block_elements: int
    block_bytes: int

    @property
    def bytes_per_element(self) -> Fraction:
        """Exact bytes a value takes, e.g. 34/32 for q8_0."""
        return Fraction(self.block_bytes, self.block_elements)

    def size_bytes(self, n_elements: int) -> int:
        """Bytes of a tensor of `n_elements` values, rounded up to whole blocks."""
        return -(-n_elements // self.block_elements) * self.block_bytes


TENSOR_TYPES: dict[int, GgmlType] = {
    0: GgmlType("F32", 1, 4),
    1: GgmlType("F16", 1, 2),
    2: GgmlType("Q4_0", 32, 18),
    3: GgmlType("Q4_1", 32, 20),
    6: GgmlType("Q5_0", 32, 22),
    7: GgmlType("Q5_1", 32, 24),
    8: GgmlType("Q8_0", 32, 34),
    9: GgmlType("Q8_1", 32, 40),
    10: GgmlType("Q2_K", _QK_K, 84),
    11: GgmlType("Q3_K", _QK_K, 110),
    12: GgmlType("Q4_K", _QK_K, 144),
    13: GgmlType("Q5_K", _QK_K, 176),
    14: GgmlType("Q6_K", _QK_K, 210),
    15: GgmlType("Q8_K", _QK_K, 292),
    16: GgmlType("IQ2_XXS", _QK_K, 66),
    17: GgmlType("IQ2_XS", _QK_K, 74),
    18: GgmlType("IQ3_XXS", _QK_K, 98),
    19: GgmlType("IQ1_S", _QK_K, 50),
    20: GgmlType("IQ4_NL", 32, 18),
    21: GgmlType("IQ3_S", _QK_K, 110),
    22: GgmlType("IQ2_S", _QK_K, 82),
    23: GgmlType("IQ4_XS", _QK_K, 136),
    24: GgmlType("I8", 1, 1),
    25: GgmlType("I16", 1, 2),
    26: GgmlType("I32", 1, 4),
    27: GgmlType("I64", 1, 8),
    28: GgmlType("F64", 1, 8),
    29: GgmlType("IQ1_M", _QK_K, 56),
    30: GgmlType("BF16", 1, 2),
    34: GgmlType("TQ1_0", _QK_K, 54),
    35: GgmlType("TQ2_0", _QK_K, 66),
    39: GgmlType("MXFP4", 32, 17),
    40: GgmlType("NVFP4", 64, 36),
    41: GgmlType("Q1_0", 128, 18),
}
"""By the type id that a GGUF file carries."""

CACHE_TYPES: dict[str, GgmlType] = {
    t.name.lower(): t
    for t in TENSOR_TYPES.values()
    if t.name in {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "IQ4_NL", "Q5_0", "Q5_1"}
}
"""What llama-server takes for ``--cache-type-k`` and ``--cache-type-v``."""

FILE_TYPES: dict[int, str] = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4_MOE",
    39: "NVFP4",
    40: "Q1_0",
}
"""Names of ``general.file_type``: the mixture a file was quantized to."""
