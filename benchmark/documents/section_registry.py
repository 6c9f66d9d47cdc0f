"""The sections of reports: of the room ``sections``, extras, entry points and plug-ins.

All at the top level of such a module count; what others bring and fails is left out with a warning.
"""

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from defocus.benchmark.documents.section import Built, Section
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.plugins.discovery import Kind, Offer, Shape
from defocus.plugins.extensions import Plugin, guarded, plugins
from defocus.progress import warn_once
from defocus.reports.model import Page, Part

T = TypeVar("T")

SECTIONS: Kind[Section] = Kind(
    "sections",
    Shape(lambda: Section),
    "defocus.benchmark.documents.sections",
)


def all_sections() -> tuple[Section, ...]:
    """Every section, in the order of the report."""
    return _sections_beside(plugins())


def needed_files(out: Path) -> list[Path]:
    """The files of a study's folder that sections are made from, each once."""
    files: dict[Path, None] = {}
    for section in all_sections():
        files |= dict.fromkeys(section.files(out))
    return list(files)


@functools.cache
def _sections_beside(_plugins: tuple[Plugin, ...]) -> tuple[Section, ...]:
    """All sections, including those of the loaded plug-in files."""
    own = SECTIONS.own()
    sections = []
    for offer, section in SECTIONS.values():
        shown = section if offer.name in own else _of_others(offer, section)
        sections.append(shown)
    sections.sort(key=lambda one: (one.order, one.name))
    return tuple(sections)


def _of_others(offer: Offer, section: Section) -> Section:
    """A section of an extra, a package or a plug-in file: a fault in it is only a warning."""
    if offer.plugin is not None:
        return _of_plugin(offer.plugin, section)
    return _forgiving(replace(section, build=_checked(section.build)), offer.origin)


def _of_plugin(plugin: Plugin, section: Section) -> Section:
    """A section of a plug-in file, whose errors name the file and the line."""

    def placed(function: Callable[..., T]) -> Callable[..., T]:
        return guarded(plugin, f"section {section.name!r}", function)

    one = replace(
        section,
        build=placed(_checked(section.build)),
        lead=section.lead and placed(section.lead),
        figures=section.figures and placed(section.figures),
        source_hash=plugin.source_hash,
    )
    return _forgiving(one, f"plug-in {plugin.path}")


def _forgiving(section: Section, origin: str) -> Section:
    """A section that is left out, with a warning, where a function of it fails."""

    def tried(function: Callable[..., T], nothing: T) -> Callable[..., T]:
        @functools.wraps(function)
        def called(given: object) -> T:
            try:
                return function(given)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's function raises
                reason = " ".join(str(error).split())
                if not reason.startswith(origin):  # else it says the line too
                    kind = type(error).__name__
                    reason = f"{origin}: section {section.name!r}: {kind}: {reason}"
                warn_once(f"{reason}; the section is left out")
                return nothing

        return called

    return replace(
        section,
        build=tried(section.build, ()),
        lead=section.lead and tried(section.lead, None),
        figures=section.figures and tried(section.figures, {}),
    )


def _checked(build: Callable[..., object]) -> Callable[..., Built]:
    """The function, refusing what a page cannot show."""

    @functools.wraps(build)
    def called(study: ReportStudy) -> Built:
        built = build(study)
        headed: Mapping[str, Any] = built if isinstance(built, Mapping) else {"": built}
        for parts in headed.values():
            if not isinstance(parts, Sequence) or isinstance(parts, str):
                raise TypeError(
                    f"build gives {type(parts).__name__} instead of a list of parts"
                )
            for part in parts:
                if not isinstance(part, get_args(Part)):
                    raise TypeError(f"{type(part).__name__} is not a part of a page")
        _try_to_show(headed, study)
        return built  # type: ignore[return-value]

    return called


def _try_to_show(headed: Mapping[str, Sequence[Part]], study: ReportStudy) -> None:
    """Write the parts alone, as wrong contents of a part are found only then."""
    from defocus.reports.html import render_html
    from defocus.reports.pdf import write_typst

    sections = tuple((str(heading), tuple(parts)) for heading, parts in headed.items())
    page = Page("", "", sections, notes=study.notes.texts)
    if study.printed:
        with tempfile.TemporaryDirectory() as folder:
            write_typst(page, Path(folder))
    else:
        render_html(page)
