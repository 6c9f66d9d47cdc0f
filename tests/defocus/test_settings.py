from pathlib import Path

import pytest
from pydantic import Field

from defocus.errors import SettingsError
from defocus.settings import Settings, load_settings, parse_settings, problem_text


class Optics(Settings):
    f_number: float = Field(default=4.0, gt=0)


class Scene(Settings):
    name: str
    depths_mm: tuple[float, ...] = ()


class Study(Settings):
    seeds: int = 1
    optics: Optics = Optics()
    scenes: tuple[Scene, ...] = ()


def load(folder: Path, text: str) -> Study:
    path = folder / "study.toml"
    path.write_text(text)
    return load_settings(Study, path)


def test_settings_are_read_and_frozen(tmp_path):
    study = load(tmp_path, "seeds = 3\n[optics]\nf_number = 2.8\n")
    assert (study.seeds, study.optics.f_number) == (3, 2.8)
    with pytest.raises(ValueError, match="frozen"):
        study.seeds = 4  # type: ignore[misc]


WRONG = (
    "seed = 3", "[optics]\nfnumber = 2", "f_number = 2", "name = 'desk'",
    "[[scenes]]\nnane = 'desk'", "[[scenes]]\nwidth = 3", "[[scenes]]\n",
    "[[scenes]]\nname = 'a'\ndepths_mm = 3",
    "seeds = 'three'", f"seeds = '{'3' * 80}x'", "seeds = 1.5", "seeds = true",
    "[optics]\nf_number = true", "[optics]\nf_number = nan", "[optics]\nf_number = -1",
)  # fmt: skip


def test_a_wrong_file_gets_one_line(tmp_path, refused):
    for text in WRONG:
        with refused(SettingsError) as caught:
            load(tmp_path, text)
        assert "\n" not in str(caught.value)


class Branch(Settings):
    """A kind of settings that holds others of its own kind."""

    name: str = ""
    branches: tuple["Branch", ...] = ()


def test_missing_files_and_settings_of_their_own_kind_have_a_message(tmp_path, refused):
    with refused(SettingsError):
        load_settings(Study, tmp_path / "none.toml")
    with refused(SettingsError):
        parse_settings(Branch, {"branches": [{"names": "oak"}]}, origin="request.json")


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
def test_a_path_is_no_class_of_python(module):
    """Python 3.13 has another module of the same class."""
    words = f"Input is not a valid path for <class '{module}.Path'>"
    problem = {"type": "path_type", "input": 5, "msg": words}
    assert problem_text(problem) == "Input is not a valid path"
