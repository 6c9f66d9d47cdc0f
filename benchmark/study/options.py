"""Settings of the commands that run studies: their options. It imports nothing heavy."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from defocus.baselines.recipe import BudgetName
from defocus.benchmark.study.document import (
    ObjectiveChoice,
    StudyDocument,
    load_document,
)
from defocus.benchmark.study.plan import (
    MOST_SEEDS,
    Override,
    Seeds,
    cluster_of,
    override_of,
)
from defocus.command_line.options import Folder
from defocus.command_line.where import WhereOption, keep_cluster_file, where_field
from defocus.processes.machines import Where
from defocus.settings import CommandSettings, option

MISALIGNED = ("sample:strong",)
"""Dataset on which the first run shows what JDRL is for: its pairs are off by several pixels."""

AGAIN = option(
    False,
    "--again",
    text="Repeat finished trainings; the old ones are kept aside in the folders of the runs.",
)
KEEP_OUTPUTS = option(
    False,
    "--keep-outputs",
    text="Keep restored pictures, losslessly, so that later metrics need no network. Their size is "
    "printed first.",
)
SOURCE = option(
    None,
    "--from WEIGHTS",
    text="Weights that the training starts from instead of random ones: 'own' (shipped with the "
    "package), a label of 'weights list', or a file. Results are not ranked.",
)
SCALES = option(
    False,
    "--scales",
    text="Also evaluate each network at the scales that the blur of a picture asks for, as "
    "NAME@scales, with the same weights.",
)
WORKERS = option(
    None,
    "--workers N",
    show_default="cores - 1; 0 for under 500 steps",
    text="Processes that make batches ahead of each training; 0 makes them in the training's own. "
    "Results do not depend on it.",
)
ON = where_field(
    None,
    "Number of runs that are worked on at once, each in a process that computes in one thread; "
    "seconds are measured alone afterwards. With slurm, each run is a job that is saved and queued "
    "again at its time limit.",
    "Execution",
    type=WhereOption(cluster_of),
    show_default="cores, for narrow copies; else 1",
)
PICTURES_ON = where_field(
    1,
    "Number of pictures scored at once in processes of their own; by default in threads. All are "
    "restored before, so that their seconds are measured alone.",
    type=WhereOption(cluster_of),
)
Workers = Annotated[int, Field(ge=0)] | None


class StudyOptions(CommandSettings):
    """Which study, in which folder."""

    out: Folder = option(Path("defocus-results"), "--out")
    """Folder of the study; finished runs in it are not repeated."""
    dataset: str = option("sample", "--dataset")
    """Dataset as READER:PATH, 'sample' or 'sample:strong'."""
    budget: BudgetName = option("demo", "--budget")
    """Length of training; own is the long training of defocus-s and defocus-m. Systems trained with
    'paper', or not trained here, are ranked together; narrow copies from 'demo' are ranked among
    themselves."""
    settings: Path | None = option(
        None,
        "--settings FILE",
        is_eager=True,
        callback=keep_cluster_file,
    )
    """TOML file with the tables [schedule] (steps, crop_px, batch, learning_rate) and [training]
    (precision, accumulate, average and others). If it changes results, they are marked as a custom
    schedule and not ranked. Its table [cluster] is for --on."""

    @property
    def override(self) -> Override:
        """The values of the settings file, and the estimator of this device."""
        return override_of(self.settings, Override())

    @property
    def words(self) -> list[str]:
        """The options, but the dataset, that other commands need to name its runs."""
        settings = ["--settings", str(self.settings)] if self.settings else []
        return ["--budget", self.budget, *settings]


class TestedStudy(StudyOptions):
    """A study that says what becomes of test pairs that are in training or validation."""

    leave_out_seen: bool = option(False, "--leave-out-seen")
    """Leave out test pairs that share a file with training or validation; without this option they
    are refused."""

    @property
    def words(self) -> list[str]:
        """The options, but the dataset, that other commands need to name its runs."""
        seen = ["--leave-out-seen"] if self.leave_out_seen else []
        return [*super().words, *seen]


class _TrainedSystem(CommandSettings):
    objective: str | None = option(None, "--objective NAME")
    """Train the network with this objective, such as 'jdrl'; the result is named NAME-SYSTEM."""
    source: str | None = SOURCE


class TrainOptions(TestedStudy, _TrainedSystem):
    """Options of ``train``."""

    seed: Annotated[int, Field(ge=0, le=MOST_SEEDS - 1)] = option(
        0,
        "--seed",
        show_default=True,
    )
    """Seed of initial weights, crops and dropout."""
    workers: Workers = WORKERS
    again: bool = AGAIN


class EvaluateOptions(TestedStudy):
    """Options of ``evaluate``."""

    seeds: Seeds = option(1, "--seeds")
    """Number of seeds N; seeds 0 to N - 1 are evaluated and averaged."""
    source: str | None = SOURCE
    weights: str | None = option(None, "--weights LABEL_OR_FILE", heading="Evaluation")
    """With one NAME: evaluate these weights instead of your own training. A label of 'weights
    list', or a file, which is checked and added."""
    scales: bool = SCALES
    keep_outputs: bool = KEEP_OUTPUTS
    where: Where = PICTURES_ON


class _RunSystems(CommandSettings):
    every: bool = option(False, "--all", heading="Systems")
    """Run all registered systems except variants. Networks whose weights come with the package are
    evaluated with these and not trained. Without --dataset, JDRL is also compared on
    'sample:strong'."""
    only: tuple[str, ...] = option((), "--only PATTERN")
    """Run systems whose whole name matches this shell pattern, including variants; repeatable."""
    variants: bool = option(False, "--variants")
    """With --all: also run variants of systems."""
    objective: tuple[str, ...] = option((), "--objective NAME")
    """Train each network with this objective, such as 'jdrl'; repeatable. Results are named
    NAME-SYSTEM."""
    scales: bool = SCALES
    file: Path | None = option(None, "--study FILE", heading="Study")
    """TOML file with datasets, systems, objectives, seeds and budget, instead of the options."""


class RunOptions(TestedStudy, _RunSystems):
    """Options of ``run``; a study from Python has some of them."""

    dataset: tuple[str, ...] = option(("sample",), "--dataset")  # type: ignore[assignment]
    """Dataset as READER:PATH, 'sample' or 'sample:strong'; repeatable."""
    seeds: Seeds = option(1, "--seeds")
    """Number of seeds to train and average."""
    reuse: tuple[str, ...] = option(
        (),
        "--reuse FOLDER_OR_ADDRESS",
        heading="Execution",
    )
    """Take scores from other results: the --out of a study, a bundle, a collection of bundles, or
    an https address of one. Only what would be the same here is taken; the rest is computed.
    Repeatable."""
    job: str | None = option(None, "--job RUN")
    """Do only this run of the study in --out, in its own folder under jobs/."""
    workers: Workers = WORKERS
    where: Where | None = ON
    keep_outputs: bool = KEEP_OUTPUTS
    again: bool = AGAIN
    dry_run: bool = option(False, "--dry-run")
    """Print the plan and its estimated cost, then exit."""

    def document(self, *, all_of_sample: bool = False) -> StudyDocument:
        """The study as its file says it, or would say it; the first run shows JDRL as well."""
        document = (
            self.as_document()
            if self.file is None
            else load_document(self.file).for_this_device()
        )
        first = all_of_sample and self.every and not self.only and self.budget == "demo"
        if first and self.file is None:
            document = document.model_copy(update={"misaligned": MISALIGNED})
        if self.keep_outputs:
            document = document.model_copy(update={"keep_outputs": True})
        return document if self.workers is None else document.with_workers(self.workers)

    def as_document(self) -> StudyDocument:
        """The study of the options alone."""
        objectives = {}
        for name in self.objective:
            label = name.replace("_", "-")
            other = None if label == name else name
            objectives[label] = ObjectiveChoice(objective=other)
        override = self.override
        document = StudyDocument(
            datasets=self.dataset,
            systems=self.only,
            variants=self.variants,
            seeds=self.seeds,
            budget=self.budget,
            schedule=override.schedule,
            training=override.training,
            objectives=objectives,
        )
        further: dict[str, Any] = {}  # what is not asked for is not written
        if self.settings is not None:
            further["cluster"] = cluster_of(self.settings)
        if self.scales:
            further["scales"] = True
        if self.leave_out_seen:
            further["leave_out_seen"] = True
        if override.estimator is not None:
            further["estimator"] = override.estimator
        return document.model_copy(update=further)
