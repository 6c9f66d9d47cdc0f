"""What a plug-in consists of: its file and the files that it imports, by their syntax."""

from pathlib import Path
from textwrap import dedent

import pytest

from defocus.plugins.extensions import load_plugin
from defocus.plugins.plugin_code import digest_of, hashes_of, read_sources

PLUG = """
from torch import nn
from defocus import Baseline
from layers import Layer
import other

WIDTH = 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = Layer(WIDTH)

    def forward(self, blurry):
        from later import work

        return work(self.layer(blurry))


NET = Baseline.of_network("a", Net)
"""

FILES = {
    "plug.py": PLUG,
    "layers.py": "from deeper.part import Layer\n",
    "deeper/__init__.py": "",
    "deeper/part.py": "from . import base\nLayer = base.Base\n",
    "deeper/base.py": "from torch import nn\nclass Base(nn.Conv2d):\n    def __init__(self, n):\n"
    "        super().__init__(n, n, 1)\n",
    "later.py": "def work(picture):\n    return picture\n",
    "other.py": "Layer = None\n",
    "unused.py": "1 / 0\n",
}


@pytest.fixture
def write(tmp_path, no_plugins):
    """Writes the files with some changed."""

    def written(changed: dict[str, str] | None = None) -> Path:
        for name, text in (FILES | (changed or {})).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / "plug.py"

    return written


def test_comments_docstrings_and_formatting_do_not_count(write):
    before = load_plugin(write()).source_hash
    text = '"""What it is."""\n# a comment\n' + PLUG.replace(
        "WIDTH = 3", "WIDTH = (\n    0x3\n)"
    )
    text = text.replace("    def forward", '    """A net."""\n\n    def forward')
    assert load_plugin(write({"plug.py": text})).source_hash == before
    assert load_plugin(write()).files.keys() == FILES.keys() - {"unused.py"}


CHANGES = {
    "its network": ("plug.py", "return work(", "return 2 * work("),
    "a constant": ("plug.py", "WIDTH = 3", "WIDTH = 6 // 2"),
    "the order of statements": (
        "plug.py",
        "import other\n\nWIDTH = 3",
        "WIDTH = 3\nimport other",
    ),
    "a file that it imports": ("layers.py", "Layer\n", "Layer\nLayer.more = 1\n"),
    "a file that this imports": ("deeper/base.py", "n, n, 1", "n, n, 1, bias=False"),
    "a package on the way": ("deeper/__init__.py", "", "import sys\n"),
    "a file that is imported later": ("later.py", "picture\n", "picture + 1\n"),
    "what is below and what beside": (
        "later.py",
        "    return picture\n",
        "    pass\nkept = 1\n",
    ),
}


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_what_can_change_a_number_counts(write, file, old, new):
    before = load_plugin(write()).source_hash
    text = FILES[file].replace(old, new, 1) if old else new
    assert text != FILES[file]
    assert load_plugin(write({file: text})).source_hash != before


def test_a_file_that_nobody_imports_and_the_own_name_do_not_count(write, tmp_path):
    first = load_plugin(write())
    assert load_plugin(write({"unused.py": "2 / 0\n"})) is first
    (tmp_path / "renamed.py").write_text(PLUG)
    assert load_plugin(tmp_path / "renamed.py").source_hash == first.source_hash


def test_a_file_that_is_imported_by_a_computed_name_is_named(write, capsys):
    late = PLUG.replace("import other", "from importlib import import_module")
    late += "import_module('.oth' + 'er', __package__)\n"
    plugin = load_plugin(write({"plug.py": late}))
    assert "other.py" not in plugin.files
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        f"imports {plugin.path.parent / 'other.py'} from outside its folder or by a comp"
        in line
    )
    assert "revision=1" in line


def test_reading_sources_runs_nothing_and_takes_any_file(tmp_path):
    (tmp_path / "plug.py").write_text(
        "import broken, cycle, deep, torch\nraise SystemExit\n"
    )
    (tmp_path / "broken.py").write_bytes(b"x = (\xff\n")
    (tmp_path / "cycle.py").write_text("import plug\n")
    (tmp_path / "deep.py").write_text("x = " + " + ".join(["1"] * 900) + "\n")
    (tmp_path / "torch").mkdir()  # a bare folder hides no package
    sources = read_sources(tmp_path / "plug.py")
    assert {path.name for path in sources} == {
        "plug.py",
        "broken.py",
        "cycle.py",
        "deep.py",
    }
    assert len(set(hashes_of(sources).values())) == 4


def test_the_hash_is_the_same_for_every_version_of_python(tmp_path):
    """A literal of the text: a change of it would train every plug-in's systems again."""
    (tmp_path / "plug.py").write_text(
        dedent("""
        import b, a
        @wrap
        class A(B):
            'What it is.'
            x: int = -0x10
            def f(s, *, k=1.5):
                global kept
                return f"{k!r:>3}é" if k else None
        """)
    )
    hashes = hashes_of(read_sources(tmp_path / "plug.py"))
    assert (
        digest_of(hashes)
        == "dc31786200e0939f7349f131650377be23d6b9342caa10161e3a569f85bd08f9"
    )
