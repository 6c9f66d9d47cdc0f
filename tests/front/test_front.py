"""What ``import defocus`` offers: names, types, and what it does not load."""

import doctest
import importlib
import io
import re
from pathlib import Path

import pytest

import defocus
from defocus.plugins.discovery import NoValue

ROOT = Path(__file__).parents[2]
EXPORTED = sorted(set(defocus.__all__) - {"__version__"})
CONTRACTS = {
    "AddedOptions": "command_line.options",
    "AddedWatch": "benchmark.study.validation",
    "Baseline.of_folder": "baselines.card",
    "Baseline.of_network": "baselines.card",
    "Baseline.variant": "baselines.card",
    "Batch": "baselines.objective",
    "Card": "baselines.card",
    "Layout": "datasets.layouts.layout",
    "Part": "datasets.layouts.layout",
    "PublishedSet": "datasets.layouts.published_set",
    "ReaderCard": "datasets.pair",
    "ResultFormat": "benchmark.results.sources",
    "SessionAddition": "capture.sessions.additions",
    "SettingsCommand": "command_line.settings_command",
    "SimulatedScene": "capture.simulation.scene",
    "TrainingObjective": "training.objective",
}
"""Module, below ``defocus``, of each part of a plug-in's contract that is not exported."""


def test_every_exported_name_is_there_and_documented():
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    plug_ins = (ROOT / "docs" / "how-to" / "plug-ins.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"\w+", row)}
    assert documented | {"__version__"} == set(defocus.__all__)
    assert "`defocus.__version__`" in page
    assert dir(defocus) == sorted(defocus.__all__)
    for name in documented:
        assert callable(getattr(defocus, name))
        assert getattr(defocus, name).__doc__
        assert re.search(rf"defocus\.{name}\b", page.partition("```")[2] + plug_ins)


def kinds():
    """Each kind of thing that one file adds, wherever in the package it is declared."""
    declared = re.compile(r"^(\w+): \"?Kind\[", re.MULTILINE)
    stages = ("align", "baselines", "benchmark", "capture", "datasets", "reports")
    for folder in ("defocus", *stages, "restoration", "extras"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in declared.findall(path.read_text(encoding="utf-8")):
                place = path.relative_to(ROOT).with_suffix("").parts
                module = ".".join(part for part in place if part != "defocus")
                yield getattr(importlib.import_module(f"defocus.{module}"), name)


@pytest.mark.full
def test_every_part_of_a_plug_ins_contract_is_known():
    """By the types of the kinds, and by what the page on additions calls its contents."""
    declared = list(kinds())
    assert {"cameras", "metrics", "scenes", "sessions"} <= {
        one.name for one in declared
    }
    # a camera, and what reads characters, is a module with a function, and so has no type
    types = {one.shape.type() for one in declared} - {NoValue}
    names = {one.__name__ for one in types}
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    additions = page.partition("\n## Adding a thing\n")[2].partition("\n## ")[0]
    for code in re.findall(r"`([^`]+)`", additions):
        names |= set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*(?:\.of_\w+)?", code))
    assert names - {"MyNet"} <= {*EXPORTED, *CONTRACTS}


@pytest.mark.full
@pytest.mark.parametrize("name", [*EXPORTED, *sorted(CONTRACTS)])
def test_what_is_public_has_an_example_that_runs(
    name, no_plugins, small_sample, monkeypatch
):
    monkeypatch.setenv("DEFOCUS_CACHE", small_sample["DEFOCUS_CACHE"])
    thing = defocus
    if name in CONTRACTS:
        thing = importlib.import_module(f"defocus.{CONTRACTS[name]}")
    for attribute in name.split("."):
        thing = getattr(thing, attribute)
    text = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    example = doctest.DocTestParser().get_doctest(text or "", {}, name, None, 0)
    # without an expected output no result could be wrong
    assert any(step.want for step in example.examples)
    report = io.StringIO()
    done = doctest.DocTestRunner().run(example, out=report.write)
    assert done.failed == 0, report.getvalue()


def test_an_unknown_name_is_an_attribute_error(refused):
    with refused(AttributeError):
        defocus.unheard_of  # type: ignore[attr-defined]  # noqa: B018


def test_lazily_imported_names_are_those_that_type_checkers_see():
    text = (ROOT / "defocus" / "__init__.py").read_text(encoding="utf-8")
    line = re.compile(r"^    from (defocus\.[\w.]+) import (\w+) as \2$", re.MULTILINE)
    seen = set(line.findall(text))
    for module, name in seen:
        assert getattr(defocus, name).__module__ == module
    assert {name for _, name in seen} | {"__version__", "plugin"} == set(
        defocus.__all__
    )


def test_the_pages_tell_people_to_import_nothing_that_may_move():
    promised = {"defocus", "defocus.errors"}
    own = ("docs/how-to/own-network.md", "docs/how-to/own-loss.md")
    pages = ("README.md", "docs/python.md", "docs/tutorials/author.md", *own)
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        modules = re.findall(r"^ *(?:from|import) (defocus[\w.]*)", text, re.MULTILINE)
        assert modules
        assert set(modules) <= promised, page
