"""TOML file of a study.

::

    datasets = ["sample", "sample:strong"]   # default: sample
    systems = ["unet", "nafnet*"]            # shell patterns; default: all but variants
    seeds = 3
    budget = "quick"

    [objectives.own]                         # default: only each system's own training
    [objectives.jdrl]
    warmup_epochs = 15
    settings = {mask = "consistency"}

    [schedule]                               # as in a file for --settings
    steps = 500

    [training]
    precision = "bfloat16"

    [slurm]
    partition = "gpu"
    time_minutes = 240
    gpus = 1
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from defocus.baselines.recipes.recipe import BudgetName
from defocus.benchmark.results.store import STORE
from defocus.benchmark.study.plan import Override
from defocus.cluster.settings import SlurmSettings
from defocus.errors import SettingsError
from defocus.files import write_json_if_changed
from defocus.reading import read_json
from defocus.settings import Settings, load_settings, parse_settings

__all__ = [
    "REQUEST",
    "NotedPlugin",
    "ObjectiveChoice",
    "Request",
    "StudyDocument",
    "as_request",
    "load_document",
    "read_request",
    "write_request",
]

REQUEST = "request.json"
"""In a study's folder: the document that it was started with."""

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class ObjectiveChoice(Settings):
    """Objective that replaces the systems' own.

    Attributes:
        objective: Name of a training objective; by default the table's name. ``own`` means each
            system's own objective.
        settings: Keyword arguments of the objective.
        warmup_epochs: Number of first epochs, on each recipe's scale.
    """

    objective: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    warmup_epochs: int = Field(default=0, ge=0)


class StudyDocument(Override):
    """Everything that determines a study's runs and the resources of its jobs.

    Attributes:
        datasets: ``READER:PATH``, ``sample`` or ``sample:strong``.
        misaligned: Further ones, on which only JDRL is compared: ``input``, the systems with JDRL,
            the same networks without it and, if no systems are named, the U-Net on registered
            pairs.
        systems: Shell patterns for names; empty for all systems that are not variants.
        variants: Whether an empty ``systems`` includes variants.
        objectives: Objectives by label; empty for each system's own.
        seeds: How many seeds to train.
        budget: How long to train.
        keep_outputs: Whether restored pictures are kept, for metrics that come later.
        slurm: Resources of a job.
    """

    datasets: tuple[Text, ...] = Field(default=("sample",), min_length=1)
    misaligned: tuple[Text, ...] = ()
    systems: tuple[Text, ...] = ()
    variants: bool = False
    objectives: dict[Label, ObjectiveChoice] = Field(default_factory=dict)
    seeds: int = Field(default=1, ge=1)
    budget: BudgetName = "demo"
    keep_outputs: bool = False
    slurm: SlurmSettings = SlurmSettings()


class NotedPlugin(Settings):
    """A plug-in file recorded by a study.

    Attributes:
        path: Absolute path.
        sha256: SHA-256 hash of its sources, 64 hexadecimal digits.
        extra: Files that count among them though no import statement names them, by their paths
            below its folder.
    """

    path: Text
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    extra: tuple[Text, ...] = ()


class Request(StudyDocument):
    """The request with which a study was started: the document and its part.

    Attributes:
        shard: The ``I``-th of ``N`` parts; None for the whole study.
        plugins: Files given with ``--plugin``.
        earlier: Other requests that the study was given before, without earlier ones of their own.
    """

    shard: tuple[int, int] | None = None
    plugins: tuple[NotedPlugin, ...] = ()
    earlier: tuple["Request", ...] = ()


def load_document(path: Path) -> StudyDocument:
    """Read a study's file; folders of datasets in it are relative to the file.

    Raises:
        SettingsError: The file is missing, not TOML, has an unknown key or a wrong value.
    """
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

    named = {name: tuple(map(absolute, getattr(document, name))) for name in PLACES}
    return document.model_copy(update={name: named[name] for name in named if named[name]})


def as_request(
    document: StudyDocument, shard: tuple[int, int] | None, plugins: Sequence[NotedPlugin] = ()
) -> Request:
    """Make a request from a document, for the whole study or one part."""
    further: dict[str, Any] = {} if shard is None else {"shard": shard}
    if plugins:
        further["plugins"] = tuple(plugins)
    return Request.model_validate(document.model_dump(exclude_unset=True) | further)


def write_request(out: Path, document: StudyDocument) -> None:
    """Write the request into the study's folder, to continue it; the ones before it are kept."""
    content = with_absolute_paths(document, Path()).model_dump(mode="json", exclude_unset=True)
    known = [*_written(out / REQUEST), *content.pop("earlier", [])]
    before: list[dict[str, Any]] = []
    for one in known:
        if _without_plugins(one) not in map(_without_plugins, (content, *before)):
            before.append(one)
    write_json_if_changed(out / REQUEST, content | ({"earlier": before} if before else {}))


def _written(path: Path) -> list[dict[str, Any]]:
    """The requests in a file, the latest first; a damaged file is replaced by the next request."""
    try:
        latest = read_json(path)
        return [latest, *latest.pop("earlier", [])]
    except (FileNotFoundError, ValueError, AttributeError):
        return []


def _without_plugins(request: dict[str, Any]) -> dict[str, Any]:
    """What a request asks for, wherever its plug-in files lie by now."""
    return {name: value for name, value in request.items() if name != "plugins"}


def read_request(out: Path) -> Request:
    """Read the request with which a study was started.

    Raises:
        SettingsError: There is no such file in the folder, or it is damaged.
    """
    path = out / REQUEST
    if not path.is_file() and (out / STORE).is_file():
        raise SettingsError(
            f"{out}: a Python program started this study, with systems that have no registered "
            "name; run that program again to go on"
        )
    if not path.is_file():
        raise SettingsError(f"{out}: no study was started there with 'run'; check --out")
    try:
        document = read_json(path)
    except ValueError as error:
        raise SettingsError(f"{path}: damaged ({error}); start the study with 'run'") from error
    return parse_settings(Request, document, origin=str(path))
