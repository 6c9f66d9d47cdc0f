"""Run a study and load its results as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd  # noqa: TID253 - a table is one of its frames; this module is imported late

from defocus.baselines.card import Baseline
from defocus.baselines.recipe import BudgetName
from defocus.baselines.registry import all_baselines
from defocus.benchmark.documents.publish import leaderboard_lines
from defocus.benchmark.leaderboard.rows import CSV_COLUMNS, current_entries, leaderboard
from defocus.benchmark.results.lock import require_study_folder
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import STORE, Entry, Results, read_results
from defocus.benchmark.study.document import Request, as_request, note_plugins
from defocus.benchmark.study.options import RunOptions
from defocus.benchmark.study.plan import Run, Study, plan_runs, select
from defocus.benchmark.study.run import run_studies
from defocus.datasets.seen_pairs import require_unseen
from defocus.errors import InputError
from defocus.front.dataset import Dataset, open_dataset
from defocus.progress import warn_once
from defocus.settings import parse_settings

_NUMBERS = ("value", "ci_low", "ci_high")
_RUN = (
    "system",
    "weights",
    "train_dataset",
    "dataset",
    "budget",
    "seed",
)
_PICTURE = (
    "profile",
    "protocol",
    "pair",
    "scene",
)


class Leaderboard(pd.DataFrame):
    """The rows of ``leaderboard.csv``.

    It is a subclass of :class:`pandas.DataFrame` and not an accessor, because an accessor would add
    :meth:`pictures` to every data frame.

    Attributes:
        folder: Folder of the study.
    """

    _metadata: ClassVar[list[str]] = ["folder"]
    folder: Path | None = None

    @property
    def _constructor(self) -> type["Leaderboard"]:
        return Leaderboard

    def pictures(self) -> pd.DataFrame:
        """The scores of all pictures of the study, read from its store.

        Returns:
            One row per run, profile, protocol and picture, with a column for each metric; NaN if
            there is no value.

        Raises:
            InputError: The table was assembled from others, or its study is gone.
        """
        if self.folder is None:
            raise InputError(
                "this table is of no one study; use that of load_results(folder)"
            )
        lines: list[tuple[object, ...]] = []
        with read_results(self.folder / STORE) as results:
            for group in current_entries(results):
                for entry in group:
                    lines += _lines(results, entry)
        keys = [*_RUN, *_PICTURE]
        table = pd.DataFrame.from_records(lines, columns=[*keys, "metric", "value"])
        wide = table.pivot(index=keys, columns="metric", values="value")
        metrics = list(dict.fromkeys(table["metric"]))
        return wide[metrics].rename_axis(columns=None).reset_index()


def _lines(results: Results, entry: Entry) -> list[tuple[object, ...]]:
    """A line for each score of a run's pictures."""
    of_run = tuple(getattr(entry, name) for name in _RUN)
    lines: list[tuple[object, ...]] = []
    for score in results.scores(entry.run):
        if score.pair:
            of_picture = tuple(getattr(score, name) for name in _PICTURE)
            lines.append((*of_run, *of_picture, score.metric, score.value))
    return lines


def load_results(folder: str | Path) -> Leaderboard:
    """Load the results of a study.

    Args:
        folder: ``--out`` of ``defocus-bench run``, or ``out`` of :func:`run`.

    Returns:
        A data frame with the columns and rows of ``leaderboard.csv``, and a method ``pictures()``.

    Raises:
        InputError: ``folder`` is not a path, or it holds no results, or they are damaged.
        StorageError: The results cannot be read.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import defocus
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for role in ("blurry", "sharp"):
        ...         (Path(folder) / role).mkdir()
        ...         Image.new("RGB", (32, 24)).save(f"{folder}/{role}/desk.png")
        ...     _ = defocus.run("input", f"pairs:{folder}", f"{folder}/study")
        ...     pictures = defocus.load_results(f"{folder}/study").pictures()
        >>> pictures["pair"].unique().tolist()
        ['desk']
    """
    if not isinstance(folder, str | Path):
        raise InputError(f"the folder is of type {type(folder).__name__}; give a path")
    place = Path(folder)
    with read_results(place / STORE) as results:
        lines = leaderboard_lines(leaderboard(results))
    table = Leaderboard.from_records(lines, columns=list(CSV_COLUMNS))
    table = table.astype(dict.fromkeys(_NUMBERS, float))  # None becomes NaN
    table.folder = place
    return table


def run(
    systems: str | Baseline | Sequence[str | Baseline],
    dataset: str | Dataset = "sample",
    out: str | Path = "defocus-results",
    budget: BudgetName = "demo",
    seeds: int = 1,
) -> Leaderboard:
    """Train and evaluate systems on a dataset, as ``defocus-bench run`` does.

    Finished runs in ``out`` are not repeated. A failing system does not stop the others; its rows
    show the failure under ``status``.

    Args:
        systems: Names or shell patterns of systems, or your own systems. ``defocus-bench run``
            needs names: give your own in a file, see :func:`defocus.plugin`. A system that is
            given as an object is known by its name and ``revision``, and not by its code.
        dataset: See :func:`open_dataset`; a whole dataset, not a split or slice.
        out: Folder of the study: leaderboard, reports, checkpoints.
        budget: ``demo`` (a few steps), ``quick``, ``paper``, or ``own``, which only the networks
            designed here have.
        seeds: Number of seeds to train and average.

    Returns:
        The result of :func:`load_results` for ``out``.

    Raises:
        InputError: A system, the dataset or the budget is unknown, the number of seeds is not 1 to
            1000, a test pair is in training or validation too, or another process works in ``out``.
        StorageError: The disk is full or ``out`` is not writable.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import defocus
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for role in ("blurry", "sharp"):
        ...         (Path(folder) / role).mkdir()
        ...         Image.new("RGB", (32, 24)).save(f"{folder}/{role}/desk.png")
        ...     results = defocus.run("input", f"pairs:{folder}", f"{folder}/study")
        >>> results.query("metric == 'made_worse'")[["system", "value"]].values.tolist()
        [['input', 0.0]]
    """
    options = parse_settings(
        RunOptions,
        {"out": out, "budget": budget, "seeds": seeds},
        origin="run",
    )
    try:
        given = [systems] if isinstance(systems, str | Baseline) else list(systems)
    except TypeError as error:
        raise InputError(f"systems are names or Baselines; {error}") from error
    chosen = _chosen(given)
    opened = _whole(dataset)
    require_unseen(opened.files, opened.files)
    require_study_folder(options.out)
    override = options.override
    runs = plan_runs(
        chosen,
        opened.files,
        options.budget,
        seeds=options.seeds,
        override=override,
    )
    _warn_of_kept(options.out, runs, given)
    study = Study(
        options.out,
        opened.files,
        runs,
        ["--dataset", opened.text, *options.words],
    )
    run_studies([study], _request(given, opened.text, options))
    return load_results(options.out)


def _whole(dataset: str | Dataset) -> Dataset:
    """The opened dataset; a split or slice of one is refused."""
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    if len(opened) < len(opened.files.pairs):
        raise InputError(f"a study runs on a whole dataset: give '{opened.text}'")
    return opened


def _warn_of_kept(
    out: Path,
    runs: Sequence[Run],
    given: Sequence[str | Baseline],
) -> None:
    """Name the finished runs of systems whose code may have changed unnoticed."""
    registered = all_baselines()
    own = [one for one in given if isinstance(one, Baseline) and one.revision is None]
    unknown = {one.card.name for one in own if registered.get(one.card.name) is not one}
    for run in runs:
        if run.system in unknown and (run_folder(out, run.id) / "run.json").is_file():
            warn_once(
                f"{run.id} is finished and not repeated, even if its code has changed: a system "
                "that is given as an object is known by its name; give Baseline(..., revision=1) "
                "and raise it, or put it into a file and load that with defocus.plugin"
            )


def _chosen(given: Sequence[str | Baseline]) -> list[Baseline]:
    """The chosen systems, sorted by name."""
    for each in given:
        if not isinstance(each, str | Baseline):
            raise InputError(
                f"a system is of type {type(each).__name__}; give a name or a Baseline"
            )
    names = [each for each in given if isinstance(each, str)]
    own = [each for each in given if isinstance(each, Baseline)]
    if not given:
        raise InputError("no system to run; list_systems() has their names")
    registered = select(all_baselines(), names) if names else []
    together = {system.card.name: system for system in (*registered, *own)}
    return [together[name] for name in sorted(together)]


def _request(
    given: Sequence[str | Baseline],
    dataset: str,
    options: RunOptions,
) -> Request | None:
    """Make the request to continue the study by; None if a system has no registered name."""
    registered = all_baselines()
    names = []
    for system in given:
        name = system if isinstance(system, str) else system.card.name
        if isinstance(system, Baseline) and registered.get(name) is not system:
            return None
        names.append(name)
    named = options.model_copy(update={"dataset": (dataset,), "only": tuple(names)})
    return as_request(named.as_document(), note_plugins())
