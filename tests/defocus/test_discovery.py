"""One rule for every kind: what counts, in which order, and that no name is given twice."""

import sys
from pathlib import Path

import pytest

import defocus.extras
from defocus.baselines.objective_registry import LOSSES, OBJECTIVES
from defocus.baselines.registry import BASELINES
from defocus.benchmark.documents.section_registry import SECTIONS
from defocus.benchmark.metrics.metric import METRICS
from defocus.capture.links.back_ends import CAMERAS
from defocus.command_line.verbs import commands_of
from defocus.datasets.api import READERS
from defocus.errors import InputError, RegistryError
from defocus.plugins import extensions
from defocus.plugins.discovery import Kind
from tests.brought import forgotten

__all__ = ["forgotten"]

NETWORK = "from defocus import Baseline\nfrom torch import nn\n"
METRIC = "from defocus import Metric\nMINE = Metric('{}', 'X', 'lower', '', 1, lambda *four: 0.0)\n"
SECTION = (
    "from defocus import Section\nMINE = Section('{}', 11, (), lambda study: [])\n"
)
COMMAND = "import click\n@click.command('bench-{}')\ndef command(): ...\n"
LOSS = "from defocus import Loss\nMINE = Loss('{}', lambda: None)\n"
OBJECTIVE = "from defocus import Objective\nclass Mine(Objective):\n    name = '{}'\n"
READER = "from defocus import Reader\nMINE = Reader('{}', lambda folder: None)\n"
BENCH = commands_of("bench", "defocus.benchmark.commands")

KINDS = {
    "baselines": (
        BASELINES,
        "unet",
        NETWORK + "MINE = Baseline.of_network('{}', nn.Identity)\n",
    ),
    "objectives": (OBJECTIVES, "jdrl", OBJECTIVE),
    "losses": (LOSSES, "l1", LOSS),
    "metrics": (METRICS, "psnr", METRIC),
    "sections": (SECTIONS, "Leaderboard", SECTION),
    "cameras": (CAMERAS, "sim", "def open_camera(uri): ...\n"),
    "readers": (READERS, "pairs", READER),
    "commands": (BENCH, "score", COMMAND),
}
"""Of each: the kind, a name of ours, and a file that has a name."""


@pytest.fixture
def extra(tmp_path, monkeypatch):
    """The folder of an extra, which is the only one."""
    monkeypatch.setattr(defocus.extras, "__path__", [str(tmp_path / "extras")])
    return tmp_path / "extras" / "zz"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package with an entry point, which is a module."""

    def installed(kind: Kind, name: str, text: str) -> None:
        folder = tmp_path / "installed" / "strange-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder.parent / f"strange_{kind.name}.py").write_text(text)
        (folder / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n"
        )
        point = f"[defocus.{kind.name}]\n{name} = strange_{kind.name}\n"
        (folder / "entry_points.txt").write_text(point)
        monkeypatch.syspath_prepend(str(folder.parent))
        monkeypatch.delitem(sys.modules, f"strange_{kind.name}", raising=False)

    return installed


def write_module(folder: Path, kind: Kind, name: str, text: str) -> None:
    """A module in the folder of a kind, with the name where files have it."""
    path = folder / kind.name / f"{kind.prefix.replace('-', '_')}{name.lower()}.py"
    path.parent.mkdir(parents=True)
    path.write_text(text.format(name))


@pytest.mark.parametrize(("kind", "name", "text"), KINDS.values(), ids=KINDS)
def test_an_extra_with_a_name_of_ours_is_left_out_with_both_places(
    kind, name, text, extra, capsys
):
    ours = kind.offers()[name].origin
    write_module(extra, kind, name, text)
    assert kind.offers()[name].origin == ours
    (line,) = capsys.readouterr().err.splitlines()
    path = (
        f"defocus.extras.zz.{kind.name}.{kind.prefix.replace('-', '_')}{name.lower()}"
    )
    assert line == (
        f"warning: {kind.singular} '{name}' is defined by {ours} and by extra 'zz' ({path}); "
        f"rename one; extra 'zz' ({path}) is left out"
    )


@pytest.mark.parametrize(("kind", "name", "text"), KINDS.values(), ids=KINDS)
def test_a_package_with_a_name_of_ours_is_left_out_with_both_places(
    kind, name, text, package, capsys
):
    ours = kind.offers()[name].origin
    package(kind, f"{kind.prefix}{name}", text.format(name))
    assert kind.offers()[name].origin == ours
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        f"'{name}' is defined by {ours} and by entry point '{kind.prefix}{name}' (st"
        in line
    )


@pytest.mark.parametrize(("kind", "name", "text"), KINDS.values(), ids=KINDS)
def test_a_plugin_file_with_a_name_of_ours_is_refused_with_both_places(
    kind, name, text, tmp_path
):
    ours = kind.offers()[name].origin
    path = tmp_path / f"{name}.py"
    path.write_text(text.format(name))
    extensions.load_plugin(path)
    with pytest.raises(RegistryError) as refusal:
        kind.offers()
    assert str(refusal.value) == (
        f"{kind.singular} '{name}' is defined by {ours} and by plug-in {path}; rename one"
    )


@pytest.mark.parametrize(("kind", "name", "text"), KINDS.values(), ids=KINDS)
def test_the_same_file_counts_in_an_extra_a_package_and_alone(
    kind, name, text, extra, package, tmp_path
):
    write_module(extra, kind, "first", text)
    package(kind, f"{kind.prefix}second", text.format("second"))
    (tmp_path / "third.py").write_text(text.format("third"))
    extensions.load_plugin(tmp_path / "third.py")
    offers = kind.offers()
    assert list(offers)[-3:] == ["first", "second", "third"]
    for one in ("first", "second", "third"):
        assert kind.thing(offers[one]) is not None


@pytest.mark.parametrize(("kind", "name", "text"), KINDS.values(), ids=KINDS)
def test_an_unknown_name_is_answered_with_near_names(kind, name, text):
    with pytest.raises(
        InputError, match=rf"no {kind.singular} '{name}x'; did you mean .*'{name}'"
    ):
        kind.find(f"{name}x", InputError)


@pytest.mark.parametrize(
    "name", ["objectives", "losses", "cameras", "readers", "commands"]
)
def test_names_of_files_are_known_without_importing_them(name, extra, capsys):
    kind, _, _ = KINDS[name]
    write_module(extra, kind, "broken", "1 / 0\n")
    assert "broken" in kind.offers()
    assert capsys.readouterr().err == ""
    assert kind.thing(kind.offers()["broken"]) is None
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_module_that_lists_its_things_has_no_others(extra):
    text = METRIC.replace("MINE", "BASE").format("base") + METRIC.replace(
        "MINE", "M"
    ).format("own")
    write_module(extra, METRICS, "own", text + "METRICS = (M,)\n")
    assert "own" in METRICS.offers()
    assert "base" not in METRICS.offers()
