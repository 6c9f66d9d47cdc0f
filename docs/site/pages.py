"""Pages of the documentation that are made from the code: commands, systems, datasets, metrics."""

import importlib
import inspect
import re
from collections.abc import Iterator

import click
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

MODULES = (
    "defocus.capture.camera",
    "defocus.align.flow.estimator",
    "defocus.align.sampling.warp",
    "defocus.align.registration.register",
    "defocus.datasets.api",
    "defocus.datasets.pair",
    "defocus.baselines.card",
    "defocus.baselines.registry",
    "defocus.baselines.recipes.recipe",
    "defocus.benchmark.scoring.profiles",
    "defocus.benchmark.scoring.protocols",
    "defocus.benchmark.metric.metric",
    "defocus.benchmark.results.store",
    "defocus.benchmark.leaderboard.rows",
    "defocus.benchmark.statistics.comparable",
    "defocus.benchmark.statistics.intervals",
    "defocus.reports.model",
    "defocus.reports.html",
    "defocus.reports.pdf",
    "defocus.reports.latex",
    "defocus.reports.plots.figures",
    "defocus.errors",
    "defocus.files",
    "defocus.images",
    "defocus.optics",
)
"""What a program of one's own would import."""

INSPECTED = ("defocus.datasets.api", "defocus.datasets.pair")

FORMULAS = "formulas.md"

Table = Iterator[tuple[str, ...]]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    pages = {
        "commands": _commands(),
        "systems": _systems(),
        "datasets": _datasets(),
        "metrics": _metrics(),
        "python": _python(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


_formulas: list[str] = []


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Formulas become tokens that Markdown leaves alone; links to the code stay words."""
    if page.file.src_uri == FORMULAS:
        block = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
        markdown = block.sub(lambda m: _token(convert(m[1], display="block")), markdown)
        markdown = re.sub(r"\$(.+?)\$", lambda m: _token(convert(m[1])), markdown)
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)(?<!\.md\))", r"\1", markdown)


def on_page_content(html: str, page: Page, **_: object) -> str:
    """The tokens become MathML, which browsers show by themselves."""
    if page.file.src_uri != FORMULAS:
        return html
    return re.sub(r"formula(\d+)formula", lambda m: _formulas[int(m[1])], html)


def _token(formula: str) -> str:
    _formulas.append(formula)
    return f"formula{len(_formulas) - 1}formula"


def _commands() -> str:
    from defocus.command_line.commands import command_group

    lines = ["# Commands\n"]
    for name, stage in (("capture", "capture"), ("data", "datasets"), ("bench", "benchmark")):
        group = command_group(f"defocus-{name}", f"defocus.{stage}.commands", "")
        context = click.Context(group, info_name=f"defocus-{name}", max_content_width=100)
        for verb in group.list_commands(context):
            command = group.get_command(context, verb)
            if command is None:
                continue
            inner = click.Context(command, info_name=verb, parent=context, max_content_width=100)
            lines += [f"## defocus-{name} {verb}\n", f"```text\n{command.get_help(inner)}\n```\n"]
    return "\n".join(lines)


def _table(head: tuple[str, ...], rows: Table) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _systems() -> str:
    from defocus.baselines.registry import all_baselines, readme

    systems = all_baselines()
    names = ("System", "Kind", "Input", "Status", "Paper and code", "Licences")
    rows = (
        (f"`{n}`", s.card.kind, s.card.input, s.card.status, s.card.source, s.card.licence)
        for n, s in systems.items()
    )
    lines = ["# Systems\n", _table(names, rows), "\n## Cards\n"]
    shown = set()
    for system in systems.values():
        text = readme(system)
        if text and text not in shown:
            shown.add(text)
            lines.append(re.sub(r"^(#+) ", r"##\1 ", text, flags=re.MULTILINE))
    return "\n".join(lines)


def _datasets() -> str:
    from defocus.datasets.api import reader_card, reader_names

    lines = ["# Datasets\n", "What is known of each; `defocus-data list NAME` says the same.\n"]
    for name in reader_names():
        card = reader_card(name)
        facts = {
            "Source": card.source,
            "Terms": card.licence,
            "Cite": card.citation,
            "Known defects": "; ".join(card.defects),
        }
        rows = ((fact, text) for fact, text in facts.items() if text)
        lines += [f"## {name}\n", f"{card.title}\n", _table(("", ""), rows)]
    return "\n".join(lines)


def _metrics() -> str:
    from defocus.benchmark.metric.registry import all_metrics

    names = ("Metric", "Shown as", "Better", "Unit", "Range", "Computed")
    rows = (
        (
            f"`{name}`",
            metric.display_name,
            metric.better,
            metric.unit,
            " to ".join("…" if end is None else f"{end:g}" for end in metric.span),
            "on request" if metric.on_request else ", ".join(metric.profiles) or "always",
        )
        for name, metric in all_metrics().items()
    )
    return (
        "# Metrics\n\n" + _table(names, rows) + "\nFormulas are on [their page](../formulas.md).\n"
    )


def _python() -> str:
    asked = [_inspected(m) if m in INSPECTED else f"::: {m}" for m in MODULES]
    return "\n\n".join(["# Python", *asked, ""])


def _inspected(module: str) -> str:
    """Docstrings of a package without ``__init__``, which mkdocstrings does not find."""
    found = importlib.import_module(module)
    lines = [f"## {module}\n", f"{inspect.getdoc(found)}\n"]
    for name in found.__all__:
        thing = getattr(found, name)
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        lines.append(f"### {name}\n")
        lines.append(f"```text\n{name}{inspect.signature(thing)}\n\n{inspect.getdoc(thing)}\n```\n")
    return "\n".join(lines)
