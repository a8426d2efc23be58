"""Which place wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.config.layers import (
    Layer,
    Layers,
    Locations,
    closest,
    env_name,
    file_layer,
    key_of,
    read_layers,
    unknown_env,
)
from autotune.config.settings import SECTIONS, Settings
from autotune.errors import UserError


def places(tmp_path: Path, project: str = "", user: str = "", **env: str) -> Locations:
    found = Locations.of({"HOME": str(tmp_path / "home"), **env}, tmp_path)
    if project:
        found.project_file.write_text(project)
    if user:
        found.user_file.parent.mkdir(parents=True)
        found.user_file.write_text(user)
    return found


def test_the_usual_places(tmp_path: Path) -> None:
    found = Locations.of({"HOME": "/home/me"}, tmp_path)
    assert found.project_file == tmp_path / "autotune.toml"
    assert found.user_file == Path("/home/me/.config/autotune/config.toml")
    moved = Locations.of({"HOME": "/home/me", "XDG_CONFIG_HOME": "/x"}, tmp_path)
    assert moved.user_file == Path("/x/autotune/config.toml")


def test_the_strongest_place_wins_key_by_key(tmp_path: Path) -> None:
    layers = read_layers(
        places(
            tmp_path,
            project='budget = "2h"\nseed = 5\ntrials = 7',
            user='budget = "3h"\ngpu = "3090"\nseed = 6',
            AUTOTUNE_SEED="4",
        )
    ).over(Layer("flag", {"trials": "9"}, {"trials": "--trials"}))
    settings = Settings.model_validate(layers.merged())
    assert (settings.trials, settings.seed, settings.budget) == (9, 4, 7200.0)
    assert settings.gpu == "3090"
    origins = {n: layers.origin(n).kind for n in ("trials", "seed", "budget", "gpu", "depth")}
    assert origins == {
        "trials": "flag",
        "seed": "env",
        "budget": "project",
        "gpu": "user",
        "depth": "default",
    }


def test_parameters_of_all_places_are_merged(tmp_path: Path) -> None:
    layers = read_layers(
        places(
            tmp_path,
            project="[space.parameters.prio]\nchoices = [0, 2]\n[fix]\nthreads = 8",
            user="[space.parameters.prio]\nchoices = [1]\n[space.parameters.keep]\nadd = [64]",
            AUTOTUNE_FIX="threads=6",
        )
    )
    settings = Settings.model_validate(layers.merged())
    assert settings.space == {"parameters": {"prio": {"choices": [0, 2]}, "keep": {"add": [64]}}}
    assert settings.fix == {"threads": 6}


@pytest.mark.parametrize(
    "text", ["space = 1", "[space]\nparameter = {}", "[space.parameters]\nprio = 2"]
)
def test_a_space_that_is_no_table_of_parameters(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="space"):
        Settings.model_validate(read_layers(places(tmp_path, project=text)).merged())


def test_pins_of_all_places_are_merged(tmp_path: Path) -> None:
    layers = read_layers(
        places(
            tmp_path,
            project="[set]\nthreads = 8\nparallel = 2",
            user="[set]\nmlock = true\nparallel = 4",
            AUTOTUNE_SET="threads=6 flash-attn=on",
        )
    )
    assert layers.merged()["set_"] == {
        "threads": 6,
        "flash-attn": "on",
        "parallel": 2,
        "mlock": True,
    }


def test_paths_of_engines_are_merged_until_one_is_for_every_engine(tmp_path: Path) -> None:
    user = '[model]\na = "x.gguf"\nb = "y.gguf"'
    found = places(tmp_path, user=user, AUTOTUNE_MODEL="b=/z.gguf")
    merged = read_layers(found).merged()["model"]
    assert {name: str(path) for name, path in merged.items()} == {
        "a": str(found.user_file.parent / "x.gguf"),
        "b": "/z.gguf",
    }
    again = places(tmp_path / "again", user=user, AUTOTUNE_MODEL="m.gguf")
    bare = read_layers(again).merged()["model"]
    assert {name: str(path) for name, path in bare.items()} == {"": "m.gguf"}


def test_an_empty_variable_is_unset(tmp_path: Path) -> None:
    layers = read_layers(places(tmp_path, AUTOTUNE_GPU=""))
    assert layers.origin("gpu").kind == "default"


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    found = places(tmp_path, project='workload = "caps"', user='studies-dir = "~/s"\nmodel = "m"')
    merged = read_layers(found).merged()
    assert merged["workload"] == str(tmp_path / "caps")
    assert merged["model"] == {"": str(found.user_file.parent / "m")}
    assert merged["studies_dir"] == str(Path("~/s").expanduser())


def test_both_spellings_of_a_key_are_one(tmp_path: Path) -> None:
    assert file_layer(places(tmp_path, project="max_depth = 5").project_file, "project").values == {
        "max_depth": 5
    }
    with pytest.raises(UserError, match="set twice"):
        read_layers(places(tmp_path, project="max_depth = 5\nmax-depth = 6"))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("bugdet = 1", "there is no setting 'bugdet'", "did you mean budget"),
        ("zzzzzz = 1", "there is no setting 'zzzzzz'", "config show"),
        ("[nightlie]", "there is no setting 'nightlie'", "did you mean nightly"),
        ("budget = ", "is not TOML", "budget ="),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_layers(places(tmp_path, project=text))
    assert "autotune.toml" in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "autotune.toml").mkdir()
    with pytest.raises(UserError, match="cannot read"):
        read_layers(Locations.of({}, tmp_path))
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\n")
    assert file_layer(tmp_path / "bom.toml", "user").values == {"seed": 3}


def test_misspelt_variables_are_noticed_and_our_own_marks_are_not() -> None:
    env = {"AUTOTUNE_BUGDET": "2h", "AUTOTUNE_TRIAL": "x", "AUTOTUNE_GPU": "1", "HOME": "/"}
    assert unknown_env(env) == {"AUTOTUNE_BUGDET": "AUTOTUNE_BUDGET"}


def test_names_of_a_setting() -> None:
    assert (key_of("studies_dir"), env_name("studies_dir")) == (
        "studies-dir",
        "AUTOTUNE_STUDIES_DIR",
    )
    assert (key_of("set_"), env_name("set_")) == ("set", "AUTOTUNE_SET")
    assert closest("trails", ["trials", "gpu"]) == "trials"
    assert closest("qqqq", ["trials", "gpu"]) is None


def test_only_keeps_what_a_command_asks_for() -> None:
    layers = Layers((Layer("env", {"gpu": "a", "seed": 1}),)).only(["seed"])
    assert layers.merged() == {"seed": 1}


def test_sections_make_up_the_settings() -> None:
    names = [name for section in SECTIONS for name in section.model_fields]
    assert names == list(Settings.model_fields)
    assert all(info.description for info in Settings.model_fields.values())


def test_a_value_that_stands_alone_is_as_it_was_written() -> None:
    """Other commands have a ``--model`` of their own, which is one path or a name."""
    assert Layers((Layer("flag", {"model": "a/b"}),)).merged() == {"model": "a/b"}


def test_targets_of_nights_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "autotune.toml"
    path.write_text("seed = 3\n[nightly.targets.coder]\nanything = 1\n")
    assert file_layer(path, "project").values == {"seed": 3}
