from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import check_wheel
import toolbox

PYPROJECT = """
[tool.setuptools]
packages = ["autotune", "autotune.launchers"]

[tool.setuptools.package-data]
"autotune" = ["py.typed"]
"autotune.launchers" = ["manifests/*.toml"]
"""
SOURCES = ("autotune/__init__.py", "launchers/run.py", "launchers/manifests/one.toml")
HELD = (
    "autotune/__init__.py",
    "autotune/launchers/run.py",
    "autotune/launchers/manifests/one.toml",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in SOURCES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "search_spaces").mkdir()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def wheel_of(folder: Path, *names: str) -> Path:
    path = folder / "autotune_serving-0.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*names, "autotune_serving-0.dist-info/METADATA"):
            archive.writestr(name, "")
    return path


def test_a_whole_wheel_passes(root: Path) -> None:
    check_wheel.check_contents(wheel_of(root, *HELD), root)


def test_a_second_top_level_name_is_refused(root: Path) -> None:
    wheel = wheel_of(root, *HELD, "launchers/run.py")
    with pytest.raises(toolbox.ToolError, match=r"installs \['launchers'\]"):
        check_wheel.check_contents(wheel, root)


@pytest.mark.parametrize("left_out", HELD)
def test_a_missing_file_is_named(root: Path, left_out: str) -> None:
    wheel = wheel_of(root, *(name for name in HELD if name != left_out))
    with pytest.raises(toolbox.ToolError, match=left_out):
        check_wheel.check_contents(wheel, root)


def test_the_smoke_test_knows_every_package_and_data_folder(root: Path) -> None:
    assert check_wheel.packages(root) == ["autotune", "autotune.launchers"]
    assert check_wheel.data_folders(root) == [("autotune.launchers", "manifests")]


def test_a_failed_build_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(argv: list[str]) -> None:
        raise toolbox.ToolError("python failed with exit code 1: see above")

    monkeypatch.setattr(check_wheel, "run", run)
    assert check_wheel.main(["--output", str(tmp_path / "dist")]) == 1
    assert capsys.readouterr().err == "error: python failed with exit code 1: see above\n"
