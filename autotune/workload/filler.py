"""Filler: words that cost one token each, in an order that a seed decides.

Filler stands where text is missing: a system prompt that no log holds, a redacted message, a hash
without its text. What counts is how many tokens it is and where two prompts stop being alike, so
the same seed gives the same words, and more of them begin with fewer.
"""

from __future__ import annotations

from random import Random

_LISTED = """
about after again air all also always and any are area around ask away back be because been
before began being best better between big body book both boy but by call came can car case
change child city close come could country cut day did different do does done door down each
early earth eat end enough even ever every eye face fact family far feel feet few find fire
first five follow food for form found four free friend from full gave get girl give go gold good
got great green ground group grow had half hand hard has have he head hear heat help her here
high him his hold home horse hot hour house how idea if in is it just keep kind king knew know
land large last late law lay lead learn leave left less let letter life light like line list
little live long look low made main make man many map mark may me mean men might mile mind money
moon more morning most mother move much music must my name near need never new next night no
north not note now number of off often oil old on once one only open or order other our out over
own page paper part pass people person picture place plan plant play point port power press
problem pull put question quick rain ran read ready real red rest right river road rock room
round rule run said same saw say school sea second see seem self sent serve set several shape
she ship short should show side simple since sing sit six size sleep slow small snow so some
song soon sound south space stand star start state stay step still stop story street strong
study such sun sure table take talk ten test than that the their them then there these they
thing think this those thought three through time to together too took top town travel tree true
try turn two under unit until up us use very voice walk want war warm was watch water way we
week well went were west what wheel when where which while white who whole why wind with wood
word work world would write year you young
"""

WORDS: tuple[str, ...] = tuple(_LISTED.split())
"""Common short words: each is one token with its space before it in the byte-pair vocabularies of
SmolLM2, Llama 3, Qwen and the GPT family."""


def filler(seed: str, tokens: int) -> str:
    """About `tokens` tokens of words, each with one space before it; empty for 0 and below.

    ``filler(s, n)`` begins ``filler(s, m)`` for every ``m >= n``.
    """
    return " ".join(["", *Random(seed).choices(WORDS, k=max(0, tokens))])
