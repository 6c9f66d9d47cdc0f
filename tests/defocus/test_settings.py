from pathlib import Path

import pytest
from pydantic import Field

from defocus.errors import SettingsError
from defocus.settings import Settings, load_settings, parse_settings


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed = 3", r"unknown key 'seed'; did you mean 'seeds'"),
        ("[optics]\nfnumber = 2", r"unknown key 'optics.fnumber'; did you mean 'f_number'"),
        ("f_number = 2", r"unknown key 'f_number'; it belongs under \[optics\]"),
        ("name = 'desk'", r"unknown key 'name'; it belongs under \[\[scenes\]\]"),
        ("[[scenes]]\nnane = 'desk'", r"unknown key 'scenes.0.nane'; did you mean 'name'"),
        ("[[scenes]]\nwidth = 3", r"unknown key 'scenes.0.width'; there are depths_mm, name$"),
        ("[[scenes]]\n", r"'scenes.0.name': field required; add it$"),
        ("[[scenes]]\nname = 'a'\ndepths_mm = 3", r"depths_mm': input should be a list, got 3$"),
        ("seeds = 'three'", r"'seeds': 'three' is not a valid integer$"),
        (f"seeds = '{'3' * 80}x'", r"'seeds': '3{58}… is not a valid integer$"),
        ("seeds = 1.5", r"'seeds': 1.5 is not a valid integer$"),
        ("seeds = true", r"'seeds': true is not a valid number$"),
        ("[optics]\nf_number = true", r"'optics.f_number': true is not a valid number$"),
        ("[optics]\nf_number = nan", r"'optics.f_number': nan is not a finite number$"),
        ("[optics]\nf_number = -1", r"'optics.f_number': -1 is not in the range x>0$"),
        ("seeds = = 3", r"not valid TOML.*line 1"),
    ],
)
def test_a_wrong_file_gets_one_line(tmp_path, text, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load(tmp_path, text)
    assert "study.toml" in str(caught.value)
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
