"""What a plug-in consists of, compared by meaning, for each of its systems."""

import os
from pathlib import Path
from textwrap import dedent

import pytest

from defocus.extensions import load_plugin
from defocus.plugin_code.meaning import joined, statements_of
from defocus.plugin_code.sources import read_sources

TWO = """
from torch import nn
from defocus import Baseline
from layers import Layer
import other

WIDTH = 3


def helper():
    return Layer(WIDTH)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = helper()

    def forward(self, blurry):
        from later import work

        return work(self.layer(blurry))


class Second(nn.Module):
    layer = other.Layer


A = Baseline.of_network("a", Net)
B = Baseline.of_network("b", Second)
"""

FILES = {
    "plug.py": TWO,
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


def hashes(path: Path, *names: str) -> list[str]:
    plugin = load_plugin(path)
    return [plugin.hash_of(vars(plugin.module)[name]) for name in names or ("A", "B")]


SAME = {
    "comments, docstrings, formatting, order of imports": (
        '"""What it is."""\nimport other  # a comment\nfrom defocus import Baseline\n'
        + TWO.replace("WIDTH = 3", "WIDTH = (\n    0x3\n)")
        .replace("import other\n", "", 1)
        .replace("from defocus import Baseline\n", "", 1)
        .replace("    def forward", '    """A net."""\n\n    def forward')
    ),
    "what stands under the main guard": TWO + '\nif __name__ == "__main__":\n    print(1 / 0)\n',
    "what nothing uses": TWO
    + "\ndef f():\n    return Second\n\n\nclass C(nn.Module):\n    x = f\n\n\nDEPTHS = (1, -2)\n",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_what_has_no_meaning_changes_nothing(write, text):
    before = hashes(write())
    assert hashes(write({"plug.py": text})) == before


CHANGES = {
    "its network": ("plug.py", "return work(", "return 2 * work(", [True, False]),
    "a constant that it uses": ("plug.py", "WIDTH = 3", "WIDTH = 6 // 2", [True, False]),
    "a file that it imports": ("layers.py", "Layer\n", "Layer\nLayer.more = 1\n", [True, False]),
    "one that this imports": ("deeper/base.py", "n, n, 1", "n, n, 1, bias=False", [True, False]),
    "a package on the way": ("deeper/__init__.py", "", "import sys\n", [True, False]),
    "one that is imported later": ("later.py", "picture\n", "picture + 1\n", [True, False]),
    "the other system": ("plug.py", "layer = other", "layer = 0 or other", [False, True]),
    "the other's file": ("other.py", "None", "1", [False, True]),
    "what is run by itself": ("plug.py", "\nA = ", "\nprint('x')\nA = ", [True, True]),
    "what a base of its own may know": (
        "plug.py",
        "\nA = ",
        "\nclass C(Net): ...\nA = ",
        [True, True],
    ),
    "what might change anything": ("plug.py", "\nA = ", "\nNet.gain = 2\nA = ", [True, True]),
    "a file that nobody imports": ("unused.py", "1", "2", [False, False]),
}


@pytest.mark.parametrize(("file", "old", "new", "changed"), CHANGES.values(), ids=CHANGES)
def test_a_system_is_what_its_names_lead_to(write, file, old, new, changed):
    before = hashes(write())
    text = new if not old else FILES[file].replace(old, new, 1)
    after = hashes(write({file: text}))
    assert [one != other for one, other in zip(before, after, strict=True)] == changed


def test_a_second_system_leaves_the_first_alone_in_a_tuple_too(write):
    whole = TWO.replace("A = Baseline", "NETS = (Baseline").replace("Net)\n", "Net),)\n", 1)
    whole = whole[: whole.index("B = ")]
    second = whole[whole.index("class Second") : whole.index("NETS = ")]
    alone = whole.replace("import other\n", "").replace(second, "")
    more = whole.replace("Net),)", 'Net), Baseline.of_network("b", Second))')

    def first(source: str) -> str:
        plugin = load_plugin(write({"plug.py": source}))
        return plugin.hash_of(vars(plugin.module)["NETS"][0])

    assert first(more) == first(alone)
    assert first(more.replace("WIDTH = 3", "WIDTH = 2 + 1")) != first(alone)


def test_a_registered_class_counts_though_no_name_leads_to_it(write):
    text = TWO + dedent("""
        KNOWN = {}

        def register(kind):
            KNOWN[kind.__name__] = kind
            return kind

        @register
        class Hidden(nn.Identity):
            gain = 1

        C = Baseline.of_network("c", lambda: KNOWN["Hidden"]())
        """)
    before = hashes(write({"plug.py": text}), "C")
    assert hashes(write({"plug.py": text.replace("gain = 1", "gain = 2")}), "C") != before


def test_a_network_that_is_looked_up_in_its_own_module_counts(write):
    text = TWO + dedent("""
        import sys

        def build():
            return getattr(sys.modules[__name__], "Net")()

        C = Baseline.of_network("c", build)
        """)
    before = hashes(write({"plug.py": text}), "C", "B")
    after = hashes(write({"plug.py": text.replace("return work(", "return 2 * work(")}), "C", "B")
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, False]


def test_a_file_that_is_imported_by_a_computed_name_counts(write):
    text = 'import importlib\npart = importlib.import_module("un" + "used")\n' + TWO
    before = hashes(write({"plug.py": text, "unused.py": "x = 1\n"}))
    plugin = load_plugin(write({"plug.py": text, "unused.py": "x = 1\n"}))
    assert plugin.sources.extra_names == ("unused.py",)
    after = hashes(write({"plug.py": text, "unused.py": "x = 2\n"}))
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_reading_sources_runs_nothing_and_takes_any_file(tmp_path):
    (tmp_path / "plug.py").write_text("import broken, cycle, deep\nraise SystemExit\n")
    (tmp_path / "broken.py").write_bytes(b"x = (\xff\n")
    (tmp_path / "cycle.py").write_text("import plug\n")
    (tmp_path / "deep.py").write_text("x = " + " + ".join(["1"] * 900) + "\n")
    (tmp_path / "torch").mkdir()  # a bare folder hides no package
    sources = read_sources(tmp_path / "plug.py")
    assert {path.name for path in sources.files} == {"plug.py", "broken.py", "cycle.py", "deep.py"}
    with pytest.raises(FileNotFoundError):
        read_sources(tmp_path / "plug.py", [Path(os.devnull)])


def test_the_meaning_is_the_same_for_every_version_of_python():
    """A literal of the text: a change of it would train every plug-in's systems again."""
    text = dedent("""
        import b, a
        @wrap
        class A(B):
            'What it is.'
            x: int = -0x10
            def f(s, *, k=1.5):
                return f"{k!r:>3}é" if k else None
        """)
    assert joined(statements_of(text.encode())) == (
        "Import( names=[alias( name=str:'a',)])\n"
        "Import( names=[alias( name=str:'b',)])\n"
        "ClassDef( bases=[Name( id=str:'B',)] body=[AnnAssign( annotation=Name( id=str:'int',) "
        "simple=int:0x1, target=Name( id=str:'x',) value=UnaryOp( op=USub() operand=Constant( "
        "value=int:0x10,)))FunctionDef( args=arguments( args=[arg( arg=str:'s',)] kw_defaults="
        "[Constant( value=float:1.5,)] kwonlyargs=[arg( arg=str:'k',)]) body=[Return( value=IfExp( "
        "body=JoinedStr( values=[FormattedValue( conversion=int:0x72, format_spec=JoinedStr( "
        "values=[Constant( value=str:'>3',)]) value=Name( id=str:'k',))Constant( value=str:'\\xe9',"
        ")]) orelse=Constant() test=Name( id=str:'k',)))] name=str:'f',)] decorator_list=[Name( "
        "id=str:'wrap',)] name=str:'A',)"
    )
