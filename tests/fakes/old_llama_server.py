"""A llama-server of August 2025, as far as a launcher sees it: other names, fewer flags.

It is the fake engine behind an older command line: ``--help`` lists what it has, anything else is
an invalid argument, and what it was started with is the first line of its log.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fake_engine

HELP = """\
----- common params -----

-h,    --help, --usage                  print usage and exit
--version                               show version and build info
-t,    --threads N                      threads that decode
-tb,   --threads-batch N                threads that prefill
--poll <0...100>                        polling level
-c,    --ctx-size N                     context of all slots
-b,    --batch-size N                   logical batch
-ub,   --ubatch-size N                  physical batch
--swa-full                              a cache of full size
--kv-unified, -kvu                      one buffer for all slots
-fa,   --flash-attn                     enable Flash Attention (default: disabled)
-nkvo, --no-kv-offload                  disable KV offload
-nr,   --no-repack                      disable weight repacking
-ctk,  --cache-type-k TYPE              type of the K cache
                                        allowed values: f32, f16, bf16, q8_0, q4_0
-ctv,  --cache-type-v TYPE              type of the V cache
                                        allowed values: f32, f16, bf16, q8_0, q4_0
-np,   --parallel N                     slots
--mlock                                 keep the model in memory
--no-mmap                               do not map the model
-ngl,  --gpu-layers, --n-gpu-layers N   layers on the GPU
--no-op-offload                         leave host operations on the host
-m,    --model FNAME                    the model
-lv,   --verbosity, --log-verbosity N   how much is logged

----- example-specific params -----

--swa-checkpoints N                     checkpoints a slot
--no-context-shift                      no shifting
--context-shift                         shifting
--no-warmup                             no empty run
--host HOST                             where to listen
--port PORT                             where to listen
--slots                                 an endpoint about slots
--cache-reuse N                         smallest chunk that is reused by shifting
--jinja                                 templates by jinja
-sps,  --slot-prompt-similarity SIMILARITY
                                        when a slot is taken
--draft-max, --draft, --draft-n N       tokens to draft
--draft-min, --draft-n-min N            least tokens to draft
"""

PASSED_ON = {
    "--model", "--host", "--port", "--ctx-size", "--parallel", "--batch-size", "--ubatch-size",
    "--threads", "--cache-reuse", "--cache-type-k", "--cache-type-v", "--poll",
}  # fmt: skip


def options() -> dict[str, bool]:
    """Every option, and whether it takes a value."""
    found = {}
    for line in HELP.splitlines():
        if line.startswith("-") and not line.startswith("-----"):
            defined = re.split(r"(?<=[^\s,]) {2,}", line)[0]
            names = re.findall(r"(?<![\w-])--?[a-z][\w-]*", defined)
            valued = bool(re.sub(r"(?<![\w-])--?[a-z][\w-]*,?", "", defined).strip())
            found |= dict.fromkeys(names, valued)
    return found


def translated(argv: list[str]) -> list[str]:
    """The fake engine's arguments. Ends the process at the first option that is not there."""
    known, result, left = options(), [], list(argv)
    while left:
        name = left.pop(0)
        if name not in known:
            sys.stderr.write(f"error: invalid argument: {name}\n")
            raise SystemExit(1)
        value = [left.pop(0)] if known[name] else []
        if name in PASSED_ON:
            result += [name, *value]
    return result


def main() -> None:
    argv = sys.argv[1:]
    if argv == ["--version"]:
        sys.stderr.write("version: 6325 (4d74393b)\nbuilt with cc for x86_64\n")
    elif argv == ["--help"]:
        sys.stdout.write(HELP)
    else:
        sys.stderr.write(f"argv: {' '.join(argv)}\n")
        sys.argv[1:] = translated(argv)
        fake_engine.main()


if __name__ == "__main__":
    main()
