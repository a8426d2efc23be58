"""Everything a run needs to know before it launches anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from autotune.candidate import Setting
from autotune.errors import MachineError, UserError
from autotune.hardware.cpu import CpuInfo, read_cpu
from autotune.hardware.gpu import Gpu, GpuProbe
from autotune.hardware.profiles import profile_of
from autotune.hardware.select import select_gpu
from autotune.launchers.protocol import EngineBuild, Launcher
from autotune.launchers.registry import make_launcher
from autotune.models.identity import model_sha256
from autotune.models.metadata import ModelInfo, ModelKind, read_model
from autotune.models.served import check_kind
from autotune.search.incumbent import read_incumbent
from autotune.search.lengths import with_fitting_history
from autotune.search.model_files import other_models
from autotune.search.request import RunRequest
from autotune.search.sampling import (
    Expected,
    Sampled,
    SampleWish,
    load_sample,
    sample_limit_s,
    stored_ids,
)
from autotune.study.folder import StudyFolder
from autotune.workload.model import Workload
from autotune.workload.select import Selection, SelectionNotes, select
from autotune.workload.token_scale import SANE

CPU = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A request with its engine, GPU, model and workload found and read."""

    request: RunRequest
    launcher: Launcher
    build: EngineBuild
    gpu: Gpu | None
    cpu: CpuInfo
    model_path: Path
    model: ModelInfo
    model_digest: str
    workload: Workload
    selection: SelectionNotes
    sample: Sampled
    folder: StudyFolder
    incumbent: dict[str, Setting] | None
    notes: tuple[str, ...]
    other_models: tuple[ModelInfo, ...] = ()

    @property
    def engine_ref(self) -> str:
        """What finds this engine again: its name, or its manifest's path."""
        engine = self.request.engine
        return str(Path(engine).resolve()) if engine.endswith(".toml") else self.launcher.name

    @property
    def gpu_id(self) -> str:
        """The GPU's UUID, or ``cpu``."""
        return CPU if self.gpu is None else self.gpu.uuid

    @property
    def gpu_name(self) -> str:
        """The GPU's name, or the processor's."""
        return self.cpu.model if self.gpu is None else self.gpu.name

    @property
    def gpu_class(self) -> str:
        """The profile whose overlay of the search space applies."""
        return profile_of(self.gpu).name


def set_up(
    request: RunRequest,
    probe: GpuProbe,
    sample: Sampled | None = None,
    wish: SampleWish | None = None,
) -> Setup:
    """Find and read what `request` names. Launches nothing and writes nothing.

    `sample` is of sessions that were drawn already: engines that are compared replay the same.
    `wish` says which sessions are drawn where that is decided elsewhere.
    Raises `UserError` for what the user can mend and `MachineError` for what the machine lacks.
    """
    gpu = select_gpu(request.gpu, probe.gpus())
    launcher, build, chosen = find_engine(request)
    request, lengths = with_fitting_history(request, launcher)
    path = _model_path(request)
    model = read_model(path)
    check_kind(launcher.search_space or launcher.name, model, engine=launcher.name)
    folder = study_folder(request, f"{_model_stem(request, model)}-{launcher.name}", gpu)
    if sample is None:
        expected = Expected.of(model, gpu=gpu is not None)
        sample = load_sample(request.workload, expected, wish or _wish(request, folder))
    workload, selection = select(sample.workload, Selection(max_depth=_loosely(request.max_depth)))
    return Setup(
        request=request,
        launcher=launcher,
        build=build,
        gpu=gpu,
        cpu=read_cpu(),
        model_path=path,
        model=model,
        model_digest=model_sha256(*model.parts).sha256,
        other_models=other_models(request.also_model, model),
        workload=workload,
        selection=selection,
        sample=sample,
        folder=folder,
        incumbent=read_incumbent(request.incumbent),
        notes=(*chosen, *lengths, *_gpu_notes(request, probe, gpu), *sample.notes),
    )


def _wish(request: RunRequest, folder: StudyFolder) -> SampleWish:
    """What a study was begun with, however the budget or the captures have changed since.

    Asked for another sample, it is drawn anew, and the study's provenance refuses it.
    """
    stored = folder.read_sample() if folder.exists() else None
    if stored is not None and stored["asked"] == asked_sample(request):
        return SampleWish(ids=stored_ids(stored))
    limit_s = None if request.sample == "all" else sample_limit_s(request.effective_budget_s)
    return SampleWish(limit_s=limit_s, most=request.max_sessions, seed=request.seed)


def asked_sample(request: RunRequest) -> dict[str, Any]:
    """What was said about the sample, apart from the budget."""
    return {"sample": request.sample, "max_sessions": request.max_sessions}


def find_engine(request: RunRequest) -> tuple[Launcher, EngineBuild, tuple[str, ...]]:
    """The asked engine; with ``auto`` llama-server if it is installed, else the reference one."""
    if request.assume_gpu:
        return _engine_on_paper(request)
    if request.engine != "auto":
        launcher = make_launcher(request.engine, engine_path=request.engine_path)
        return launcher, launcher.detect(), ()
    launcher = make_launcher("llama-server", engine_path=request.engine_path)
    try:
        return launcher, launcher.detect(), ()
    except MachineError:
        if request.engine_path is not None:
            raise
    launcher = make_launcher("reference", engine_path=None)
    note = "llama-server is not on PATH: tuning the reference engine (see --engine)"
    return launcher, launcher.detect(), (note,)


def _engine_on_paper(request: RunRequest) -> tuple[Launcher, EngineBuild, tuple[str, ...]]:
    """The engine that is planned with, which need not be installed here either."""
    name = "llama-server" if request.engine == "auto" else request.engine
    launcher = make_launcher(name, engine_path=request.engine_path)
    try:
        return launcher, launcher.detect(), ()
    except MachineError:
        if request.engine_path is not None:
            raise
    note = f"{launcher.name} is not installed here: planned with all the flags it is known to have"
    build = EngineBuild(launcher.name, path="", version="not installed", binary_sha256="")
    return launcher, build, (note,)


def _model_path(request: RunRequest) -> Path:
    if request.model is None:
        raise UserError(
            "no model is named",
            "give a GGUF file, or the folder of a Hugging Face model: --model model.gguf",
        )
    path = request.model.expanduser()
    if not path.exists():
        raise UserError(
            f"there is no model at {path}", "check --model: a GGUF file, or a model's folder"
        )
    return path.resolve()


def study_folder(request: RunRequest, subject: str, gpu: Gpu | None) -> StudyFolder:
    """The asked study, else the one of `subject` (model and engine) on this GPU.

    Raises `UserError` for a name that cannot be a folder's.
    """
    if request.study is not None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", request.study):
            raise UserError(
                f"{request.study!r} cannot name a study",
                "use letters, digits, dots, dashes and underscores",
            )
        name = request.study
    else:
        name = slug(f"{subject}-{CPU if gpu is None else gpu.name}")
    folder = StudyFolder(request.studies_dir / name)
    if (folder.path / "compare.json").is_file():
        raise UserError(
            f"{folder.path} is a comparison, no study", "name another study with --study"
        )
    return next_free(folder) if request.new_study else folder


def _model_stem(request: RunRequest, model: ModelInfo) -> str:
    """The file's name without its ending; a folder's name has no ending."""
    if request.model is None or model.kind is ModelKind.HUGGINGFACE:
        return model.name
    return request.model.stem


def slug(text: str) -> str:
    """`text` as a file name: lower case, runs of anything else as one dash."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "study"


def next_free(folder: StudyFolder) -> StudyFolder:
    """`folder`, or the first of name-2, name-3, ... that holds no study yet."""
    number, free = 2, folder
    while free.path.exists():
        free = StudyFolder(folder.path.with_name(f"{folder.name}-{number}"))
        number += 1
    return free


def _gpu_notes(request: RunRequest, probe: GpuProbe, gpu: Gpu | None) -> Sequence[str]:
    """What keeps cards from being seen, where a card might have been wanted; what a card is taken
    as; and what is not known of one that is not here."""
    fallback = profile_of(gpu).fallback
    notes = [probe.problem if request.gpu == "auto" else None, fallback]
    if request.assume_gpu:
        notes.append("nothing is read of this machine but its processor (--assume-gpu)")
    return [note for note in notes if note is not None]


def _loosely(max_depth: int | None) -> int | None:
    """The recorded depth beyond which no turn can be within `max_depth` of any engine's tokens.

    Recorded tokens are of another tokenizer. What is within is cut once the engine has counted.
    """
    return None if max_depth is None else ceil(max_depth / SANE[0])


def versions() -> dict[str, str]:
    """Versions of what decides results besides the engine."""
    from importlib.metadata import version

    names: dict[str, Any] = {name: version(name) for name in ("optuna", "httpx", "numpy")}
    return names
