"""TOML file of a study, which may leave out every key, and its plug-in files.

A plug-in is a program: one that a request names is run only if a user has given it to a command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from defocus.baselines.recipe import BudgetName
from defocus.benchmark.results.store import STORE
from defocus.benchmark.study.plan import Seeds, StudyFile
from defocus.errors import InputError, SettingsError
from defocus.plugins.consent import is_remembered, remember
from defocus.plugins.extensions import load_plugin, plugin_of, plugins
from defocus.plugins.plugin_code import digest_of, hashes_of, read_sources
from defocus.progress import say
from defocus.reading import intact, read_json
from defocus.settings import Settings, load_settings, parse_settings
from defocus.storage.files import write_json_if_changed

Tables = dict[str, Any]
"""Tables of TOML or JSON."""

REQUEST = "request.json"
"""Document that a study was started with, in its folder."""

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class ObjectiveChoice(Settings):
    """Objective that replaces the systems' own, which is called ``own``."""

    # By default its name is the table's; ``warmup_epochs`` are on each recipe's scale.

    objective: str | None = None
    settings: Tables = Field(default_factory=dict)
    warmup_epochs: int = Field(default=0, ge=0)


class StudyDocument(StudyFile):
    """Everything that determines a study's runs and the resources of its jobs."""

    # On ``misaligned`` datasets only the input, the systems with JDRL and the same networks without
    # it are compared. ``systems`` are shell patterns; empty for all systems that are not variants.
    # With ``scales`` each network also has its row ``NAME@scales``. With ``leave_out_seen`` test
    # pairs that are in training or validation are left out of the test, else they are refused.

    datasets: tuple[Text, ...] = Field(default=("sample",), min_length=1)
    misaligned: tuple[Text, ...] = ()
    systems: tuple[Text, ...] = ()
    variants: bool = False
    scales: bool = False
    objectives: dict[Label, ObjectiveChoice] = Field(default_factory=dict)
    seeds: Seeds = 1
    budget: BudgetName = "demo"
    keep_outputs: bool = False
    leave_out_seen: bool = False


class NotedPlugin(Settings):
    """A plug-in file recorded by a study, with the hash of its sources."""

    path: Text
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Request(StudyDocument):
    """The request with which a study was started: the document, its plug-ins, earlier requests."""

    plugins: tuple[NotedPlugin, ...] = ()
    earlier: tuple["Request", ...] = ()


def load_document(path: Path) -> StudyDocument:
    """Read a study's file; folders of datasets in it are relative to the file."""
    document = load_settings(StudyDocument, path)
    return with_absolute_paths(document, path.parent)


PLACES = ("datasets", "misaligned")
"""Fields that name datasets."""


def with_absolute_paths(document: StudyDocument, folder: Path) -> StudyDocument:
    """The same document with absolute paths of datasets."""

    def absolute(text: str) -> str:
        reader, _, rest = text.partition(":")
        path = folder / rest
        return f"{reader}:{path.resolve()}" if rest and path.exists() else text

    paths = {}
    for name in PLACES:
        datasets = tuple(map(absolute, getattr(document, name)))
        if datasets:
            paths[name] = datasets
    return document.model_copy(update=paths)


def as_request(document: StudyDocument, plugins: Sequence[NotedPlugin] = ()) -> Request:
    """Make a request from a document."""
    further: Tables = {"plugins": tuple(plugins)} if plugins else {}
    return Request.model_validate(document.model_dump(exclude_unset=True) | further)


def write_request(out: Path, document: StudyDocument) -> None:
    """Write the request into the study's folder, to continue it; the ones before it are kept."""
    content = with_absolute_paths(document, Path()).model_dump(
        mode="json", exclude_unset=True
    )
    requests = [*_written(out / REQUEST), *content.pop("earlier", [])]
    before: list[Tables] = []
    for one in requests:
        if _asked_for(one) not in map(_asked_for, (content, *before)):
            before.append(one)
    write_json_if_changed(
        out / REQUEST, content | ({"earlier": before} if before else {})
    )


def _written(path: Path) -> list[Tables]:
    """The requests in a file, the latest first; a damaged file is replaced by the next request."""
    try:
        latest = read_json(path)
        return [latest, *latest.pop("earlier", [])]
    except (FileNotFoundError, ValueError, AttributeError):
        return []


def _asked_for(request: Tables) -> Tables:
    """The content of a request, wherever its plug-ins are and whatever works on it."""
    asked = dict(request)
    training = asked.pop("training", None)
    asked.pop("plugins", None)
    asked.pop("cluster", None)
    if isinstance(training, dict):
        training = dict(training)
        training.pop("workers", None)
    if training:
        asked["training"] = training
    return asked


def read_request(out: Path) -> Request:
    """Read the request with which a study was started."""
    path = out / REQUEST
    if not path.is_file() and (out / STORE).is_file():
        raise SettingsError(
            f"{out}: a Python program started this study, with systems that have no registered "
            "name; run that program again to go on"
        )
    if not path.is_file():
        raise SettingsError(
            f"{out}: no study was started there with 'run'; check --out"
        )
    with intact(path, "start the study with 'run'", SettingsError):
        document = read_json(path)
    return parse_settings(Request, document, origin=str(path))


def note_plugins() -> tuple[NotedPlugin, ...]:
    """The plug-in files of this process for a request; from now on they are trusted."""
    files = tuple(
        NotedPlugin(path=str(p.path), sha256=p.source_hash) for p in plugins()
    )
    for one in files:
        remember("plugins", one.sha256, one.path)
    return files


def load_noted(noted: Sequence[NotedPlugin]) -> None:
    """Load the plug-in files that a study was started with, unless they are already loaded."""
    # A file that is missing, has changed, or was never loaded by this user is refused.
    for one in noted:
        if plugin_of(one.sha256) is not None:
            continue
        if problem := _problem(one):
            raise InputError(f"plug-in {one.path} of the study {problem}")
        load_plugin(one.path)


def load_trusted(out: Path) -> None:
    """Load the plug-in files of a study that this user has run; report the others on stderr."""
    for one in _noted(out):
        if plugin_of(one.sha256) is not None:
            continue
        if problem := _problem(one):
            say(f"plug-in {one.path} of the study {problem}")
        else:
            load_plugin(one.path)


def tell_missing(out: Path) -> None:
    """Report on stderr which plug-in files of a study are not loaded; nothing is loaded."""
    for one in _noted(out):
        if plugin_of(one.sha256) is None:
            problem = (
                _problem(one)
                or f"is not loaded; add --plugin {one.path} to show its names"
            )
            say(f"plug-in {one.path} of the study {problem}")


def _noted(out: Path) -> list[NotedPlugin]:
    """The plug-in files of a study; none if the request is damaged, which is reported."""
    path = out / REQUEST
    if not path.is_file():
        return []
    try:
        return list(map(NotedPlugin.model_validate, read_json(path).get("plugins", ())))
    except (ValueError, AttributeError) as error:
        say(
            f"{path}: damaged ({' '.join(str(error).split())}); start the study with 'run'"
        )
        return []


def _problem(one: NotedPlugin) -> str:
    """Why a recorded file cannot be loaded; empty if it can."""
    path = Path(one.path)
    if not path.is_file():
        return "is missing; bring it back, or name its new place with --plugin FILE"
    try:
        digest = digest_of(hashes_of(read_sources(path)))
    except OSError as error:
        return f"lacks {error.filename} ({error.strerror}); bring it back"
    if one.sha256 != digest:
        return (
            "has changed since; bring the former one back, or start the study again with "
            f"run --plugin {one.path}"
        )
    if not is_remembered("plugins", one.sha256):
        return f"was never run here; look at it, then add --plugin {one.path}"
    return ""
