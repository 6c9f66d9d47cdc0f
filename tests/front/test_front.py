"""What ``import defocus`` offers: names, types, and what it does not load."""

import re
from pathlib import Path

import defocus

ROOT = Path(__file__).parents[2]


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
