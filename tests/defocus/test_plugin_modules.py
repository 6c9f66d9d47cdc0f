"""Files beside a plug-in: imported at any time, apart from those of another plug-in."""

import multiprocessing
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from defocus.baselines.registry import baseline
from defocus.errors import RegistryError
from defocus.plugins.extensions import load_plugin, uncounted_files

pytestmark = pytest.mark.usefixtures("no_plugins")

PLUG = """
from torch import nn
from defocus import Baseline
from layers import GAIN


class Net(nn.Module):
    def forward(self, blurry):
        import parts.later as later

        return GAIN * blurry + later.OFFSET


NET = Baseline.of_network("NAME", Net)
"""


def folder_of(folder: Path, gain: int, text: str = PLUG) -> Path:
    (folder / "parts").mkdir(parents=True)
    (folder / "plug.py").write_text(text.replace("NAME", folder.name))
    (folder / "layers.py").write_text(f"GAIN = {gain}\n")
    (folder / "parts" / "later.py").write_text(
        f"from layers import GAIN\nOFFSET = GAIN * {gain}\n"
    )
    return folder / "plug.py"


def answer(name: str) -> float:
    return float(baseline(name).build()(torch.ones(1)))


def test_what_was_hashed_is_run_even_if_a_file_changes_meanwhile(tmp_path):
    load_plugin(folder_of(tmp_path / "one", 1))
    (tmp_path / "one" / "parts" / "later.py").write_text("OFFSET = 100\n")
    assert answer("one") == 2.0
    load_plugin(tmp_path / "one" / "plug.py")
    assert answer("one") == 101.0


@pytest.mark.parametrize(
    "path", ['__file__.rsplit("/", 1)[0]', 'str(Path(__file__).parent / "parts")']
)
def test_a_plugin_that_adds_to_the_path_stays_by_itself(tmp_path, path):
    text = (
        f"import sys\nfrom pathlib import Path\nsys.path.insert(0, {path})\nimport later\n"
        + PLUG
    )
    before = list(sys.path)
    for gain, name in enumerate(("one", "two"), start=1):
        folder = tmp_path / name
        file = folder_of(folder, gain, text)
        (folder / "later.py").write_text((folder / "parts" / "later.py").read_text())
        load_plugin(file)
    assert (answer("one"), answer("two")) == (2.0, 6.0)
    assert sys.path == before
    assert "later" not in sys.modules


def test_a_file_that_fails_is_named_with_its_line(tmp_path, refused):
    path = folder_of(tmp_path / "one", 1)
    (path.parent / "layers.py").write_text("x = 1\nGAIN = 1 / 0\n")
    with pytest.raises(
        RegistryError, match=rf"{path.parent}/layers\.py:2: ZeroDivisionError"
    ):
        load_plugin(path)
    (path.parent / "layers.py").write_text("x = 1\n")
    with pytest.raises(
        RegistryError, match=r"plug\.py:4: ImportError: cannot import name 'GAIN'"
    ):
        load_plugin(path)
    (path.parent / "layers.py").write_text("import parts.nowhere\n")
    with refused(RegistryError):
        load_plugin(path)


def test_a_package_of_another_folder_is_one_place_and_one_of_pip_none(
    tmp_path, monkeypatch, capsys
):
    for place in (
        "elsewhere/theirs/inner",
        "target/by_pip",
        "target/by_pip-1.0.dist-info",
    ):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "__init__.py").write_text("")
    (tmp_path / "elsewhere" / "theirs" / "__init__.py").write_text("")
    (tmp_path / "elsewhere" / "their_layers.py").write_text("")
    for one in ("elsewhere", "target"):
        monkeypatch.syspath_prepend(tmp_path / one)
    more = "import by_pip\nimport theirs.inner\nimport their_layers\n"
    load_plugin(folder_of(tmp_path / "one", 1, more + PLUG))
    (line,) = capsys.readouterr().err.splitlines()
    for outside in ("theirs", "their_layers.py"):
        assert f"{tmp_path}/elsewhere/{outside}" in line
    assert "from outside its folder" in line


def test_late_files_that_nothing_counts_are_known(tmp_path):
    text = PLUG.replace(
        "import parts.later as later",
        "from importlib import import_module\n"
        "        later = import_module('.parts.' + 'later', __package__)",
    )
    plugin = load_plugin(folder_of(tmp_path / "one", 1, text))
    assert uncounted_files(plugin.source_hash) == []
    assert answer("one") == 2.0
    assert uncounted_files(plugin.source_hash) == [
        tmp_path / "one" / "parts" / "later.py"
    ]


def test_the_program_that_runs_is_no_file_of_a_plugin(tmp_path, monkeypatch):
    """multiprocessing gives it a second name, once something that a plug-in imports loads it."""
    program = tmp_path / "bin" / "defocus-bench"
    program.parent.mkdir()
    program.touch()
    second = ModuleType("__mp_main__")
    second.__file__ = str(program)
    monkeypatch.setattr(sys, "second_main", second, raising=False)
    # afterwards it is as it was
    monkeypatch.setitem(sys.modules, "__mp_main__", second)
    del sys.modules["__mp_main__"]
    named = "import sys\nsys.modules['__mp_main__'] = sys.second_main\n"
    plugin = load_plugin(folder_of(tmp_path / "one", 1, named + PLUG))
    assert uncounted_files(plugin.source_hash) == []


@pytest.mark.full
def test_a_spawned_process_unpickles_what_a_plugin_defines(tmp_path):
    load_plugin(folder_of(tmp_path / "one", 3))
    network = baseline("one").build()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert type(pool.apply(baseline("one").build)) is type(network)
