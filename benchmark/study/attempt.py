"""One run of a study: train, evaluate, store the results; ``--again`` repeats it."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.weights.store import build_with
from defocus.benchmark.evaluation.remaining import training_ready
from defocus.benchmark.evaluation.versions import ESTIMATOR
from defocus.benchmark.results.run_folder import (
    AGAIN,
    CRASHES,
    FAILURE,
    is_repeated,
    package_version,
    run_folder,
    training_folder,
    write_failure,
)
from defocus.benchmark.results.store import Entry
from defocus.benchmark.study.changed_sources import sources_of, tell_uncounted
from defocus.benchmark.study.plan import Run, Study, runs_of
from defocus.datasets.opening import readable
from defocus.datasets.pair import Dataset, Split
from defocus.errors import (
    DatasetError,
    DefocusError,
    InputError,
    NotApplicableError,
    TrainingError,
)
from defocus.processes.isolation import LeftOut
from defocus.progress import counted, say
from defocus.reading import intact, read_json
from defocus.storage.files import make_folder, write_json
from defocus.training.record.folder import training_finished

if TYPE_CHECKING:  # a finished study imports no torch
    from torch import nn

    from defocus.benchmark.study.fit import TrainingPictures
    from defocus.benchmark.study.validation import Watch
    from defocus.datasets.patching.batch import Patches
    from defocus.training.loop import Trained
    from defocus.training.method import Training

ASIDE = "before-"


def ask_again(studies: Sequence[Study], *, evaluated: bool = True) -> None:
    """Request the repetition of all finished trainings; an unfinished request continues."""
    folders = []
    for study, run in runs_of(studies):
        if run.recipe and not run.training:
            folders.append(run_folder(study.out, run.id))
    finished = list(filter(training_finished, folders))
    repeated = list(filter(is_repeated, folders))
    if not evaluated:
        repeated = [folder for folder in repeated if folder not in finished]
    if repeated:
        runs = counted(len(repeated), "run")
        say(f"--again: the repetition of {runs} that was started continues")
        return
    # it stays until the repeated run is stored, so a killed process continues the repetition
    for folder in finished:
        write_json(folder / AGAIN, {"aside": "", "moved": False})
    if not finished:
        say("--again: there is no finished training yet, so nothing is repeated")


def begin_again(folder: Path) -> None:
    """Set the old training of a run aside if its repetition was requested and has not begun."""
    if not is_repeated(folder):
        return
    name, moved = _read(folder / AGAIN)
    if moved:
        return
    if not name:
        taken = len(list(folder.glob(f"{ASIDE}*")))
        name = f"{ASIDE}{taken + 1}"
        write_json(folder / AGAIN, {"aside": name, "moved": False})
    aside = make_folder(folder / name)
    for path in sorted(folder.iterdir()):  # also those that a killed process has left
        if path.name != AGAIN and not path.name.startswith(ASIDE):
            path.rename(aside / path.name)
    write_json(folder / AGAIN, {"aside": name, "moved": True})
    say(f"{folder.name}: trained again; the earlier training is kept in {aside}")


def tell_versions(entries: Iterable[Entry], runs: Iterable[str]) -> None:
    """Report on stderr which runs were trained by other versions of this package."""
    ids = set(runs)
    now = package_version()
    versions = Counter(entry.code for entry in entries if entry.run in ids)
    for code, number in sorted(versions.items()):
        if code and code != now:
            say(
                f"{counted(number, 'run')} trained by {code}, this is {now}; '--again' repeats the "
                "training"
            )


def _read(path: Path) -> tuple[str, bool]:
    """The folder's name for the earlier training, and whether that was moved there."""
    with intact(path, "delete it to keep the existing training", InputError, OSError):
        document = read_json(path)
        name = str(document["aside"])
        moved = bool(document["moved"])
    is_plain = Path(name).name == name and name.startswith(ASIDE)
    if name and not is_plain:
        raise InputError(f"{path}: names the folder {name!r}; delete the file")
    return name, moved


def require_test_pairs(dataset: Dataset) -> None:
    """Refuse a dataset without test pairs."""
    if not dataset.split("test"):
        raise DatasetError(f"{dataset.root}: dataset {dataset.name} has no test pairs")


def train_run(study: Study, run: Run) -> "Trained":
    """The trained network of a run; it is trained now if needed."""
    from defocus.baselines.objective_registry import objective
    from defocus.benchmark.evaluation.restore import check_inputs
    from defocus.benchmark.study.fit import train
    from defocus.training.devices import best_device

    check_inputs(run.baseline.card, study.dataset.pairs)
    recipe = run.recipe
    if recipe is None:
        return load_run(study, run)
    if study.home is not None or run.training is not None:
        return _trained_elsewhere(study, run)
    begin_again(run_folder(study.out, run.id))
    dataset = readable(replace(study.dataset, left_out=()), "validation")
    patches = _patches(study, run)
    lacking = dataset.without(patches.left_out)
    pictures = _pictures(replace(study, dataset=dataset), run, patches)
    folder = _training_folder(study, run, lacking)
    make = partial(objective, recipe.objective, **recipe.objective_settings)
    trained_network = train(run, make, patches, folder, best_device(), pictures)
    tell_uncounted(run)
    return trained_network


def _pictures(study: Study, run: Run, patches: "Patches") -> "TrainingPictures":
    """Facts about the pictures for a training; an epoch shows as many pixels as they have."""
    from defocus.benchmark.cost.trial_step import sizes_of
    from defocus.benchmark.study.fit import TrainingPictures

    crops = max(1, patches.pixels // run.schedule.crop_px**2)
    watches = _watches(study, run, run.own_recipe.training)
    return TrainingPictures(crops, watches, sizes_of(study, run))


def _training_folder(study: Study, run: Run, lacking: Sequence[LeftOut]) -> Path:
    facts = run.facts()
    workers = run.own_recipe.training.workers
    if workers is not None:
        facts["workers"] = workers
    sources = sources_of(run)
    return training_folder(study.out, run.id, facts, study.dataset, sources, lacking)


def _trained_elsewhere(study: Study, run: Run) -> "Trained":
    """The network that another run, or the same run of another study, has trained."""
    from defocus.benchmark.evaluation.restore import check_inputs

    if run.training is not None and not training_ready(study, run):
        raise TrainingError(
            f"{run.training.id} has no finished training; '--again' repeats one that was deleted"
        )
    home, trained = study.trained(run)
    check_inputs(run.baseline.card, home.dataset.pairs)
    if not training_finished(run_folder(home.out, trained.id)):
        raise InputError(f"{trained.id} has not been trained on {home.dataset.name}")
    return load_run(home, trained)


def _patches(study: Study, run: Run) -> "Patches":
    """The training patches of a dataset in the form that a run needs."""
    from defocus.baselines.recipe import NARROW_PAIRS
    from defocus.benchmark.evaluation.restore import further_inputs
    from defocus.datasets.patching.source import Few, PatchForm, training_patches

    recipe, card = run.own_recipe, run.baseline.card
    form = PatchForm(
        run.schedule.largest_crop_px,
        augment=recipe.augment,
        bit_depth=recipe.bit_depth,
        dual=card.input == "dual",
        needs=further_inputs(card),
        supervision=recipe.supervision,
    )
    pairs = NARROW_PAIRS if run.baseline.is_narrow else None
    few = Few(pairs, recipe.training.lenses)
    return training_patches(
        study.dataset,
        "train",
        recipe.target,
        form,
        ESTIMATOR,
        few=few,
    )


def _watches(study: Study, run: Run, training: "Training") -> dict[str, "Watch"]:
    """Validation scores to compute during a training, as its settings ask for."""
    if not training.times:
        return {}
    from defocus.align.flow.by_name import flow_estimator
    from defocus.benchmark.study.validation import added_watches, watch_split
    from defocus.training.devices import best_device

    splits: list[Split] = ["validation"] if study.dataset.split("validation") else []
    if training.select == "official":
        splits.append("test")
    elif not splits and not run.custom and training.select == "last":
        say(f"{run.id}: no validation pairs, so its curve has no validation scores")
    elif not splits:
        raise NotApplicableError(
            "[training] asks for validation, and the dataset has no such split; make one with "
            "'defocus-data split'"
        )
    estimator, device = flow_estimator(ESTIMATOR), best_device()
    card = run.baseline.card
    watches: dict[str, Watch] = {
        one: watch_split(card, study.dataset, one, estimator, device) for one in splits
    }
    for added in added_watches():
        try:
            watch = added.watch(card, study.dataset, estimator, device)
        except NotApplicableError as error:
            say(f"{run.id}: {error}")
            continue
        if watch is not None:
            watches[added.name] = watch
    return watches


def train_alone(study: Study, run: Run) -> "Trained":
    """Train a run outside of a running study."""
    try:
        return train_run(study, run)
    except DefocusError:
        raise
    except CRASHES as error:
        folder = run_folder(study.out, run.id)
        reason = write_failure(error, folder, run.baseline.source_hash)
        raise DefocusError(
            f"{run.id} failed: {reason}; see {folder / FAILURE}"
        ) from error


@contextlib.contextmanager
def computing_as_trained(run: Run) -> Iterator[None]:
    """Compute as the run's training does: a narrow copy in one thread, float32 on a GPU alike."""
    from defocus.training.devices import gpu_choices, in_one_thread
    from defocus.training.method import Training

    settings = Training() if run.recipe is None else run.recipe.training
    with in_one_thread(run.baseline.is_narrow), gpu_choices(settings):
        yield


def network_of(study: Study, run: Run) -> "nn.Module":
    """The trained network of a run on the best device, ready to restore."""
    from defocus.training.devices import best_device

    return load_run(*study.trained(run)).network.to(best_device()).eval()


def load_run(study: Study, run: Run) -> "Trained":
    """Load the network of a finished training, its own or another's, or of one without training."""
    from defocus.benchmark.study.fit import load_trained
    from defocus.training.loop import Trained

    if run.weights is not None:
        return Trained(build_with(run.baseline, run.weights), 0.0)
    if run.recipe is None:
        return Trained(run.baseline.build(), 0.0)
    trained = run.training or run
    return load_trained(trained, run_folder(study.out, trained.id))
