from __future__ import annotations

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
