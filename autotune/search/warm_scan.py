"""Which earlier studies are like this one, by what they were measured on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotune.errors import AutotuneError, UserError
from autotune.search.evidence import points_of
from autotune.search.ledger import Ledger
from autotune.search.space import Space
from autotune.search.warm_start import EarlierStudy, WarmStart, known_values
from autotune.study.folder import RESULT_VERSION, StudyFolder, list_studies
from autotune.study.provenance import SCHEMA_VERSION
from autotune.study.storage import load_trials

MOST_STUDIES = 3
MOST_POINTS = 40
"""Trials taken of each: the best ones, and among them always those that were measured whole."""

LEAST_LIKENESS = 0.3
"""Below this a study is of something else: another card with another model."""

BEST_CONFIGS = 2

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that two studies may share. `otherwise` is what the likeness is multiplied by where
    they do not; `words` is what is said where they do."""

    key: str
    words: str
    otherwise: float


TRAITS = (
    Trait("gpu_class", "same GPU", 0.5),
    Trait("model_sha256", "same model", 0.85),
    Trait("model_architecture", "same kind of model", 0.6),
    Trait("engine_version", "same build", 0.95),
    Trait("objective", "same objective", 0.8),
    Trait("depth", "same depth", 0.85),
    Trait("workload_digest", "same workload", 0.95),
)
"""Not measured: an order of what decides most. The engine must be the same, or flags mean other
things. What the trials of a study do not bear out is given up anyway."""

ALMOST = 0.95
"""The most that any earlier study is trusted: the machine of today is not that of then."""


def likeness_of(now: Facts, then: Facts) -> tuple[float, str]:
    """How like two studies are by their provenance, and what they share in words.

    An older study that does not say what its model is made of is told by the model's file alone.
    """
    total, words = ALMOST, []
    for trait in TRAITS:
        mine, other = _fact(now, trait.key), _fact(then, trait.key)
        if mine is not None and mine == other:
            words.append(trait.words)
        else:
            total *= trait.otherwise
    if "same model" in words:
        words = [w for w in words if w != "same kind of model"]
    return total, ", ".join(words) or "same engine"


def _fact(facts: Facts, key: str) -> Any:
    if key == "gpu_class":
        return facts.get("gpu_class") or facts.get("gpu_name")
    if key == "model_architecture":
        return facts.get("model_architecture") or facts.get("model_sha256")
    return facts.get(key)


def scan(studies_dir: Path, space: Space, now: Facts, own: Path) -> WarmStart:
    """The likest of the finished studies below `studies_dir`, but for those in the folder `own`.

    What cannot be read is passed over: an earlier study is a help and no condition.
    """
    rows = sorted(_studies(studies_dir, now, own), key=lambda row: (-row[1], row[0].name))
    found: list[EarlierStudy] = []
    for folder, likeness, words in rows:
        if len(found) == MOST_STUDIES:
            break
        study = _read(folder, space, likeness, words)
        if study is not None:
            found.append(study)
    return WarmStart(tuple(found))


def _studies(studies_dir: Path, now: Facts, own: Path) -> Iterator[tuple[StudyFolder, float, str]]:
    for folder in _folders(studies_dir):
        if own in (folder.path, *folder.path.parents):
            continue
        then = _finished(folder)
        if then is None or then.get("engine") != now.get("engine"):
            continue
        likeness, words = likeness_of(now, then)
        if likeness >= LEAST_LIKENESS:
            yield folder, likeness, words


def _folders(studies_dir: Path) -> Iterator[StudyFolder]:
    """Studies of one engine, those of contests among them."""
    for folder in list_studies(studies_dir):
        parts = _parts(folder)
        yield from parts or (folder,)


def _parts(folder: StudyFolder) -> Sequence[StudyFolder]:
    try:
        return [one for one in folder.engine_studies() if one.exists()]
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return ()


def _finished(folder: StudyFolder) -> Facts | None:
    """What a study was measured on; ``None`` for one without a verdict, of another schema, or that
    was simulated."""
    try:
        then, result = folder.read_provenance(), folder.read_result()
    except (UserError, OSError, ValueError):
        return None
    if result is None or result.get("schema_version") != RESULT_VERSION:
        return None
    known = then.get("schema_version") == SCHEMA_VERSION and not then.get("simulated")
    return then if known else None


def _read(folder: StudyFolder, space: Space, likeness: float, words: str) -> EarlierStudy | None:
    """``None`` where nothing of it can be used in this space."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        ledger = Ledger(load_trials(folder))
    except (AutotuneError, SQLAlchemyError, OSError, ValueError, KeyError):
        return None
    points = sorted(points_of(ledger), key=lambda p: (p.error, p.log_time))[:MOST_POINTS]
    base = ledger.baseline
    if base is None or base.value is None or not points:
        return None
    better = [e for e in ledger.ranked if e.value is not None and e.value < (base.value or 0.0)]
    configs = [known_values(space, e.values) for e in better[:BEST_CONFIGS]]
    return EarlierStudy(
        name=_name(folder), likeness=likeness, same=words,
        configs=tuple(c for c in configs if c), points=tuple(points),
    )  # fmt: skip


def _name(folder: StudyFolder) -> str:
    """``study``, or ``contest/engine`` of one of a contest's."""
    inside = (folder.path.parent / "provenance.json").is_file()
    return f"{folder.path.parent.name}/{folder.name}" if inside else folder.name


def warm_start_of(folder: StudyFolder, studies_dir: Path, space: Space) -> WarmStart:
    """What the study in `folder` begins with: found once and kept, and the same when it goes on.

    `folder` must hold its provenance.
    """
    kept = folder.read_warm_start()
    if kept is not None:
        return WarmStart(tuple(EarlierStudy.from_json(row) for row in kept))
    found = scan(studies_dir, space, folder.read_provenance(), folder.path)
    folder.write_warm_start([study.to_json() for study in found.studies])
    return found
