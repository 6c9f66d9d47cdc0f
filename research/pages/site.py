"""Pages of the documentation that are made from the code: commands, systems, datasets, metrics.

The live example is the report of the study in the folder ``example``."""

import importlib
import inspect
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import click
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from research.markdown import row

if TYPE_CHECKING:
    from defocus.baselines.card import Baseline, Card

FRONT = "defocus"
"""The package whose exported names are kept from version to version."""

FORMULAS = "formulas.md"

NO_EXAMPLE = "the live example is missing: 'defocus-bench run --all --out %s' makes it in minutes"

log = logging.getLogger("mkdocs.hooks.site")
"""Log of the documentation's build: a warning in it stops a strict build."""

Table = Iterable[tuple[str, ...]]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    pages = {
        "commands": _commands(),
        **_systems(),
        "datasets": _datasets(),
        "metrics": _metrics(),
        "python": _python(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    for file in _example(config):
        files.append(file)
    return files


def _example(config: MkDocsConfig) -> Iterator[File]:
    """The report of the study that is the live example, and the pictures beside it."""
    study = Path(config.extra["example"])
    report = study / "report.html"
    if not report.is_file():
        log.warning(NO_EXAMPLE, study)
        return
    for path in (report, *sorted(study.glob("report-pictures/*"))):
        place = f"reference/{path.relative_to(study).as_posix()}"
        yield File.generated(config, place, abs_src_path=str(path.resolve()))


_formulas: list[str] = []


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Formulas become tokens that Markdown leaves alone; links to the code stay words."""
    if page.file.src_uri == FORMULAS:
        block = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
        markdown = block.sub(_block_token, markdown)
        markdown = re.sub(r"\$(.+?)\$", _inline_token, markdown)
    page_of_docs = r"[^)#]*\.md(#[^)]*)?\)"
    return re.sub(rf"\[([^\]]+)\]\(\.\./(?!{page_of_docs})[^)]*\)", r"\1", markdown)


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Empty heads of tables are plain cells; tokens become MathML, which browsers show."""
    html = html.replace("<th></th>", "<td></td>")
    if page.file.src_uri != FORMULAS:
        return html
    return re.sub(r"formula(\d+)formula", lambda m: _formulas[int(m[1])], html)


def on_post_page(html: str, **_: object) -> str:
    """Name the theme's search dialogue, and its second menu, for screen readers."""
    named = html.replace('role="dialog"', 'role="dialog" aria-label="Search"')
    return named.replace(
        'aria-label="Table of contents"',
        'aria-label="Parts of this page"',
        1,
    )


def _block_token(formula: re.Match[str]) -> str:
    return _token(convert(formula[1], display="block"))


def _inline_token(formula: re.Match[str]) -> str:
    return _token(convert(formula[1]))


def _token(formula: str) -> str:
    _formulas.append(formula)
    return f"formula{len(_formulas) - 1}formula"


def _commands() -> str:
    from defocus.command_line.commands import command_group, single_command
    from defocus.restoration.command import command as restore

    program = single_command("defocus-restore", restore)
    alone = click.Context(program, info_name=program.name, max_content_width=100)
    lines = [
        "# Commands\n",
        "## defocus-restore\n",
        f"```text\n{program.get_help(alone)}\n```\n",
    ]
    for name, stage in (
        ("capture", "capture"),
        ("data", "datasets"),
        ("bench", "benchmark"),
    ):
        title = f"defocus-{name}"
        group = command_group(title, f"defocus.{stage}.commands", "")
        context = click.Context(group, info_name=title, max_content_width=100)
        for verb in group.list_commands(context):
            command = group.get_command(context, verb)
            if command is None:
                continue
            inner = click.Context(
                command,
                info_name=verb,
                parent=context,
                max_content_width=100,
            )
            help_text = command.get_help(inner)
            lines += [f"## {title} {verb}\n", f"```text\n{help_text}\n```\n"]
    return "\n".join(lines)


def _table(head: tuple[str, ...], rows: Table) -> str:
    text = ""
    for line in (head, ("---",) * len(head), *rows):
        cells = map(_cell, line)
        text += f"{row(*cells)}\n"
    return text


def _fact_table(facts: dict[str, str]) -> str:
    """The facts that are known, without a head."""
    known = [(fact, text) for fact, text in facts.items() if text]
    return _table(("", ""), known)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _system_row(card: "Card") -> tuple[str, ...]:
    link = f"[{card.display_name}](systems/{card.name}.md)"
    paper = _year_and_paper(card.source)
    return (
        link,
        f"`{card.name}`",
        card.kind,
        card.given,
        card.status,
        paper,
    )


def _systems() -> dict[str, str]:
    """The list of systems and a page for each; variants are on the page of their network."""
    from defocus.baselines.registry import all_baselines

    systems = all_baselines()
    variants: dict[str, list[Baseline]] = defaultdict(list)
    own = []
    for system in systems.values():
        network = system.card.variant_of
        if network in systems:
            variants[network].append(system)
        else:
            own.append(system)
    head = (
        "System",
        "Name",
        "Kind",
        "Given",
        "Status",
        "Paper",
    )
    lead = f"{len(own)} systems; variants are on their pages. `defocus-bench list` prints the same."
    table = _table(head, [_system_row(one.card) for one in own])
    pages = {"systems": f"# Systems\n\n{lead}\n\n{table}"}
    for one in own:
        pages[f"systems/{one.card.name}"] = _system(one, variants[one.card.name])
    return pages


def _year_and_paper(source: str) -> str:
    """The first part of a card's source: the paper without the address of its code."""
    return source.partition(";")[0]


def _system(system: "Baseline", variants: "list[Baseline]") -> str:
    from defocus.baselines.registry import readme

    card = system.card
    facts = {
        "Name": f"`{card.name}`",
        "Kind": card.kind,
        "Given": card.given,
        "Status": card.status,
        "Paper and code": card.source,
        "Ours follows": card.follows,
        "Licences": card.licence,
        "Official weights trained on": ", ".join(card.weights_trained_on),
    }
    lines = [
        f"# {card.display_name}\n",
        _fact_table(facts),
    ]
    if variants:
        rows = []
        for variant in variants:
            name = f"`{variant.card.name}`"
            rows.append((name, variant.card.display_name))
        lines += ["\n## Variants\n", _table(("Name", "System"), rows)]
    title, _, text = readme(system).partition("\n")
    whole = f"{title}\n{text}"
    lines.append(re.sub(r"^(#+) ", r"#\1 ", whole, flags=re.MULTILINE))
    return "\n".join(lines)


def _datasets() -> str:
    from defocus.datasets.api import reader_card, reader_names

    lines = [
        "# Datasets\n",
        "What is known of each; `defocus-data list NAME` says the same.\n",
    ]
    for name in reader_names():
        card = reader_card(name)
        facts = {
            "Source": card.source,
            "Terms": card.licence,
            "Cite": card.citation,
            "Known defects": "; ".join(card.defects),
        }
        lines += [f"## {name}\n", f"{card.title}\n", _fact_table(facts)]
    return "\n".join(lines)


def _metrics() -> str:
    from defocus.benchmark.metrics.metric import all_metrics

    names = (
        "Metric",
        "Shown as",
        "Better",
        "Unit",
        "Range",
        "Computed",
    )
    rows = []
    for name, metric in all_metrics().items():
        ends = ["…" if end is None else f"{end:g}" for end in metric.span]
        computed = ", ".join(metric.profiles) or "always"
        if metric.on_request:
            computed = "on request"
        cells = (
            f"`{name}`",
            metric.display_name,
            metric.better,
            metric.unit,
            " to ".join(ends),
            computed,
        )
        rows.append(cells)
    table = _table(names, rows)
    return f"# Metrics\n\n{table}\nFormulas are on [their page](../formulas.md).\n"


def _python() -> str:
    """The names that the front door exports, each from where it is defined; then the errors."""
    front = importlib.import_module(FRONT)
    lines = [
        f"# Python\n\n{inspect.getdoc(front)}\n\n[From Python](../python.md) shows their use.\n"
    ]
    for name in front.__all__:
        thing = getattr(front, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            lines.append(_exported(f"{FRONT}.{name}", thing))
    return "\n".join([*lines, "::: defocus.errors\n"])


def _exported(name: str, thing: "type | FunctionType") -> str:
    """One name; mkdocstrings does not find what is in a package without ``__init__``."""
    if thing.__module__.startswith("defocus.datasets"):
        text = f"{name}{inspect.signature(thing)}\n\n{inspect.getdoc(thing)}"
        return f"## {name}\n\n```text\n{text}\n```\n"
    options = (
        f"    options:\n      heading: {name}\n      toc_label: {name}\n"
        "      heading_level: 2\n"
    )
    return f"::: {thing.__module__}.{thing.__qualname__}\n{options}"
