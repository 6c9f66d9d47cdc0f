"""Plug-in files of a study, recorded in its request and used when it continues.

A study's folder may come from somebody else, and a plug-in is a program. So a file named in a
request is run only if the user has given the same file, with the same files beside it, to a command
before; the cache folder keeps the hashes.
"""

from collections.abc import Sequence
from pathlib import Path

from defocus.benchmark.study.document import REQUEST, NotedPlugin
from defocus.cache import cache_folder
from defocus.errors import InputError
from defocus.extensions import load_plugin, plugin_of, plugins
from defocus.files import make_folder, write_text
from defocus.plugin_code.sources import read_sources
from defocus.progress import say
from defocus.reading import read_json

__all__ = ["load_noted", "note_plugins", "tell_missing"]


def note_plugins() -> tuple[NotedPlugin, ...]:
    """The plug-in files of this process for a request; from now on they are trusted."""
    found = tuple(
        NotedPlugin(path=str(p.path), sha256=p.source_hash, **_extra(p.sources.extra_names))
        for p in plugins()
    )
    for one in found:
        if not _trusted(one).is_file():
            write_text(_trusted(one), f"{one.path}\n")
    return found


def load_noted(noted: Sequence[NotedPlugin]) -> None:
    """Load the plug-in files that a study was started with, unless they are already loaded."""
    # A file that is missing, has changed, or was never loaded by this user is refused.
    for one in noted:
        if plugin_of(one.sha256) is not None:
            continue
        if problem := _problem(one):
            raise InputError(f"plug-in {one.path} of the study {problem}")
        load_plugin(one.path)


def tell_missing(out: Path) -> None:
    """Report on stderr which plug-in files of a study are not loaded; nothing is loaded."""
    path = out / REQUEST
    if not path.is_file():
        return
    try:
        noted = [NotedPlugin.model_validate(one) for one in read_json(path).get("plugins", ())]
    except (ValueError, AttributeError) as error:
        say(f"{path}: damaged ({' '.join(str(error).split())}); start the study with 'run'")
        return
    for one in noted:
        if plugin_of(one.sha256) is None:
            problem = _problem(one) or f"is not loaded; add --plugin {one.path} to show its names"
            say(f"plug-in {one.path} of the study {problem}")


def _problem(one: NotedPlugin) -> str:
    """Why a recorded file cannot be loaded; empty if it can."""
    path = Path(one.path)
    if not path.is_file():
        return "is missing; bring it back, or name its new place with --plugin FILE"
    try:
        sources = read_sources(path, [path.parent / name for name in one.extra])
    except OSError as error:
        return f"lacks {error.filename} ({error.strerror}); bring it back"
    except ValueError:
        return "names files outside its folder; start the study again with run --plugin"
    if one.sha256 not in {sources.digest, sources.text_digest}:
        return (
            "has changed since; bring the former one back, or start the study again with "
            f"run --plugin {one.path}"
        )
    if not _trusted(one).is_file():
        return f"was never run here; look at it, then add --plugin {one.path}"
    return ""


def _extra(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {"extra": names} if names else {}  # what is not set is not written


def _trusted(one: NotedPlugin) -> Path:
    return make_folder(cache_folder() / "plugins") / one.sha256
