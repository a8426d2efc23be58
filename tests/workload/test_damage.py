from __future__ import annotations

import pytest
from pydantic import BaseModel

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.model import Damage


def test_damage_adds_up_by_file_and_kind() -> None:
    ledger = DamageLedger()
    ledger.add("a", DamageKind.BAD_JSON, 3, "first")
    ledger.add("a", DamageKind.BAD_JSON, 9, "second")
    ledger.add("b", DamageKind.CRLF, 1)
    assert ledger.entries() == (
        Damage("a", "bad-json", 2, 3, "first", harmless=False),
        Damage("b", "crlf", 1, 1, "", harmless=True),
    )


class Model(BaseModel):
    number: int


def test_what_does_not_fit_is_counted_and_the_rest_goes_on() -> None:
    ledger = DamageLedger()
    with ledger.checked("a", 3):
        raise ValueError("no role")
    with ledger.checked("b", within="tools"):
        raise ValueError("not a list")
    with ledger.checked("c", 1):
        Model.model_validate({"number": "secret"})
    with ledger.checked("d"):
        pass
    told = [(d.file, d.kind, d.first_line, d.detail) for d in ledger.entries()]
    assert told[:2] == [
        ("a", "wrong-schema", 3, "no role"),
        ("b", "wrong-schema", 0, "tools: not a list"),
    ]
    (where, kind, line, detail), *more = told[2:]
    assert (where, kind, line) == ("c", "wrong-schema", 1)
    assert detail.startswith("number: ")
    assert "secret" not in detail
    assert not more


def test_other_errors_are_not_damage() -> None:
    ledger = DamageLedger()
    with pytest.raises(KeyError), ledger.checked("a"):
        raise KeyError("x")
    assert ledger.entries() == ()
