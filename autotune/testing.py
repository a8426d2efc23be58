"""The conformance suite for launchers: subclass it for your engine and pytest does the rest.

::

    class TestMyEngine(LauncherConformance):
        @pytest.fixture
        def launcher(self) -> Launcher:
            return make_launcher("my-engine.toml")

        @pytest.fixture
        def model(self) -> Path:
            return Path("/models/small.gguf")

The only module of autotune that imports pytest. ``autotune engine check`` runs the same checks
without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from autotune.candidate import Candidate
from autotune.launchers import contract
from autotune.launchers.contract import Bench, Outcome, Verdict, run_checks
from autotune.launchers.protocol import Launcher
from autotune.launchers.settings_check import differences

HOSTILE_ENVIRONMENT: Mapping[str, str] = {
    "LLAMA_ARG_CTX_SIZE": "512",
    "LLAMA_ARG_N_PARALLEL": "7",
    "LLAMA_API_KEY": "somebody-else",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "GGML_CUDA_DISABLE_GRAPHS": "1",
    "OMP_NUM_THREADS": "1",
    "http_proxy": "http://127.0.0.1:9",
}
"""Variables that a person may have set and that no trial may see."""

HOSTILE_FILES: Mapping[str, str] = {
    ".config/llama.cpp/config.ini": "ctx-size = 512\n",
    ".omlx/settings.json": '{"scheduler": {"chunked_prefill": false}}',
}
"""Files below HOME that engines read by themselves."""


class LauncherConformance:
    """Every launcher passes these. Override `launcher` and `model`, and `candidate` if need be.

    `exceptions` names checks (``pins-length``) that this engine is known not to keep, and why:
    what they find is an expected failure. A warning counts as a finding; a check that cannot be
    made is skipped.
    """

    exceptions: ClassVar[Mapping[str, str]] = {}
    _outcomes: ClassVar[Mapping[str, Outcome]]

    @pytest.fixture
    def launcher(self) -> Launcher:
        """The launcher under test; must be overridden."""
        raise NotImplementedError("override the fixture `launcher`")

    @pytest.fixture
    def model(self) -> Path:
        """A small model that the engine can load; must be overridden."""
        raise NotImplementedError("override the fixture `model`")

    @pytest.fixture
    def candidate(self) -> Candidate:
        """Settings to launch with; none by default."""
        return Candidate()

    @pytest.fixture
    def bench(
        self, launcher: Launcher, model: Path, candidate: Candidate, tmp_path: Path
    ) -> Iterator[Bench]:
        """What the checks are given; its engine is ended with the test."""
        bench = Bench(launcher, model, tmp_path / "bench", candidate, start_timeout_s=120.0)
        yield bench
        bench.close()

    @pytest.fixture
    def outcomes(self, bench: Bench) -> Mapping[str, Outcome]:
        """How every check ended: all are run for the first test that asks, on few launches."""
        cls = type(self)
        if "_outcomes" not in vars(cls):
            cls._outcomes = {outcome.name: outcome for outcome in run_checks(bench)}
        return cls._outcomes

    @pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
    def test_contract(self, outcomes: Mapping[str, Outcome], check: contract.Check) -> None:
        """Each check of `autotune.launchers.contract`."""
        outcome = outcomes[contract.name_of(check)]
        if outcome.verdict is Verdict.SKIP:
            pytest.skip(outcome.note)
        if outcome.problem is None:
            return
        words = f"{outcome.problem} ({outcome.remedy})" if outcome.remedy else outcome.problem
        if (why := self.exceptions.get(outcome.name)) is not None:
            pytest.xfail(f"{why}: {words}")
        pytest.fail(words, pytrace=False)

    def test_hidden_settings_do_not_count(
        self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Config files and variables of the person who runs autotune change nothing."""
        with bench.server() as server:
            before = bench.launcher.effective(server)
        home = tmp_path / "somebody"
        for name, text in HOSTILE_FILES.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        for name, value in HOSTILE_ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        with bench.server() as server:
            after = bench.launcher.effective(server)
        assert differences(before, after) == ()
