"""Training of the start weights of narrow copies: equal processor time and the same patches."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch

from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.card import Baseline
from defocus.baselines.objective import Batch, Objective
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.supervised import make as supervised
from defocus.baselines.recipe import METHOD, START_TERMS, Recipe
from defocus.baselines.registry import all_baselines, baseline
from defocus.baselines.weights.own import (
    NarrowCard,
    find_own_weights,
    narrow_card,
    narrow_file,
    own_folder,
)
from defocus.baselines.weights.shipping import write_half
from defocus.benchmark.evaluation.versions import ESTIMATOR
from defocus.benchmark.results.run_folder import package_version
from defocus.benchmark.study.validation import watch_split
from defocus.command_line.commands import run_command
from defocus.command_line.numbers import FiniteRange
from defocus.command_line.options import with_common_options
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.training import TrainingStream
from defocus.errors import InputError
from defocus.extras.charts.own_lens.patch_bank import PatchBank
from defocus.extras.charts.own_lens.training import steps_within
from defocus.progress import say
from defocus.reading import read_json
from defocus.storage.files import (
    make_folder,
    require_writable,
    sha256_file,
    write_bytes,
    write_json,
)
from defocus.training import loop
from defocus.training.loop import Job
from defocus.training.method import Method
from defocus.training.parallel import part_of

CROP_PX, BATCH, RATE = 64, 4, 2e-3
PATCHES, PATCH_PX = 2048, 96
"""Number of patches that are rendered once, and their side in px; a new crop of the size above is
cut each time."""


def narrow_systems(names: Sequence[str]) -> list[Baseline]:
    """The systems with these names, or all that ``run --all`` trains, with narrow copies."""
    if names:
        systems = list(map(baseline, names))
        without = [one.card.name for one in systems if one.narrow is None]
        if without:
            raise InputError(
                f"{', '.join(without)}: no narrow copy; name systems that train"
            )
    else:
        systems = []
        for system in all_baselines().values():
            trains = system.narrow and not system.card.variant_of
            if trains and find_own_weights(system) is None:
                systems.append(system)
    by_name = {}
    for system in systems:
        if system.narrow:
            by_name[system.narrow.name] = system
    return list(by_name.values())


def open_bank(text: str) -> tuple[Dataset, PatchBank]:
    """Open a stream and render the patches that all trainings share."""
    dataset = open_dataset(text)
    stream = dataset.endless
    if not isinstance(stream, TrainingStream):
        raise InputError(
            f"{text}: not a stream; give stream:FOLDER with sharp photographs"
        )
    return dataset, PatchBank(Renderer(stream.photographs, "train"), PATCHES, PATCH_PX)


def train_narrow(
    system: Baseline,
    dataset: Dataset,
    bank: PatchBank,
    minutes: float,
    out: Path,
) -> Path:
    """Train the narrow copy of a system for some minutes of one core; return its weights file.

    The steps are measured once and kept: a stopped training goes on alike, a finished one stays."""
    if system.narrow is None or system.recipe is None:
        raise InputError(f"{system.card.name} has no narrow copy")
    copy = system.narrowed()
    path = narrow_file(out, system.narrow.name)
    if _is_made(path, copy):
        say(f"{path.name}: already made")
        return path
    folder = make_folder(out / system.narrow.name)
    recipe = system.recipe()
    method = _method(copy, recipe)
    job = Job(
        id=f"{system.narrow.name}-narrow",
        seed=0,
        method=method,
        learning_rate=RATE,
        steps=_steps(copy, method, recipe, bank, minutes, folder),
        make_network=copy.build,
        make_objective=lambda: _objective(copy, recipe),
        batches=lambda first, feeder: (  # the bank is in this process
            part_of(batch, feeder.mine) for batch in _batches(copy, bank, first)
        ),
        code=package_version(),
    )
    network = loop.train(job, folder, torch.device("cpu")).network
    write_half(network.state_dict(), path)
    validation, gain = _validation(copy, path, dataset)
    card = NarrowCard(
        **_identity(copy),
        sha256=sha256_file(path),
        code=package_version(),
        parameters=sum(one.numel() for one in network.parameters()),
        steps=job.steps,
        cpu_minutes=minutes,
        dataset=dataset.name,
        data_hash=dataset.training_hash,
        validation=validation,
        validation_gain=gain,
        licence="MIT",
    )
    write_json(path.with_suffix(".json"), card.model_dump())
    outcome = "not validated"
    if gain is not None:
        outcome = f"{gain:+.2f} dB beside the input"
    size = f"{card.parameters:,} parameters"
    say(f"{path.name}: {size}, {job.steps} steps, {outcome}")
    return path


def _identity(copy: Baseline) -> dict[str, Any]:
    facts = copy.identity()
    return {
        "system": copy.narrow.name if copy.narrow else copy.card.name,
        "narrow": facts["narrow"],
        "revision": facts["revision"],
    }


def _is_made(path: Path, copy: Baseline) -> bool:
    """Whether a finished file belongs to this copy."""
    if not path.with_suffix(".json").is_file():
        return False
    card = narrow_card(path)
    for name, wanted in _identity(copy).items():
        if getattr(card, name) != wanted:
            return False
    return path.is_file() and sha256_file(path) == card.sha256


def _method(copy: Baseline, recipe: Recipe) -> Method:
    """Training method as in the demo; an adversary stays if the objective is the system's own."""
    if copy.narrow and copy.narrow.own_objective:
        return METHOD.model_copy(update={"adversary": recipe.adversary})
    return METHOD


def _objective(copy: Baseline, recipe: Recipe) -> Objective:
    if copy.narrow and copy.narrow.own_objective:
        return objective(recipe.objective, **recipe.objective_settings)
    return supervised(START_TERMS)


def _batches(
    copy: Baseline,
    bank: PatchBank,
    first: int,
) -> Iterator[Batch]:
    step = first
    while True:
        yield bank.batch(step, BATCH, CROP_PX, dual=copy.card.input == "dual")
        step += 1


def _steps(
    copy: Baseline,
    method: Method,
    recipe: Recipe,
    bank: PatchBank,
    minutes: float,
    folder: Path,
) -> int:
    """How many steps fit into the minutes: measured at first, then as noted in the folder."""
    plan = folder / "plan.json"
    wanted = {**_identity(copy), "minutes": minutes}
    if plan.is_file():
        noted: Mapping[str, Any] = read_json(plan)
        same = {name: noted.get(name) for name in wanted}
        if same == wanted:
            return int(noted["steps"])
        raise InputError(
            f"{folder}: holds another training; move it away or choose another --out"
        )
    torch.manual_seed(0)
    network = copy.build().train()
    criterion = _objective(copy, recipe).train()
    batches = _batches(copy, bank, 0)
    steps, each = steps_within(minutes, method, network, criterion, batches, RATE)
    write_json(
        plan,
        {
            **wanted,
            "steps": steps,
            "seconds_per_step": round(each, 4),
        },
    )
    return steps


def _validation(
    copy: Baseline,
    path: Path,
    dataset: Dataset,
) -> tuple[float | None, float | None]:
    """PSNR of the validation pairs and its gain; None where a stream has no inputs."""
    from safetensors.torch import load_file

    if copy.card.input == "dual" or copy.card.needs:
        return None, None
    network = copy.build()
    network.load_state_dict(load_file(path))
    watch = watch_split(
        copy.card,
        dataset,
        "validation",
        flow_estimator(ESTIMATOR),
        torch.device("cpu"),
    )
    score = watch.of_network(network.eval())
    before = watch.of_input() if watch.of_input else score
    return round(score, 4), round(score - before, 4)


def ship_narrow(system: Baseline, path: Path) -> Path:
    """Copy finished start weights and their card beside the code of the system."""
    folder = own_folder(system)
    if folder is None:
        raise InputError(f"{system.card.name} is not part of this package")
    target = make_folder(folder) / path.name
    for one in (path, path.with_suffix(".json")):
        write_bytes(target.with_suffix(one.suffix), one.read_bytes())
    return target


@click.command("python -m research.start_weights")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--dataset",
    required=True,
    metavar="stream:FOLDER",
    help="Stream of rendered pairs; FOLDER has sharp photographs.",
)
@click.option(
    "--minutes",
    type=FiniteRange(0, min_open=True),
    default=2.5,
    show_default=True,
    help="Minutes of one processor core for each training.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the weights; finished ones in it are not made again.",
)
@click.option("--ship", is_flag=True, help="Also copy the weights into the package.")
def command(
    names: tuple[str, ...],
    dataset: str,
    minutes: float,
    out: Path,
    *,
    ship: bool,
) -> None:
    """Train initial weights for narrow copies.

    The budget 'demo' trains narrow copies of the systems, and begins with these weights. Each gets
    the same minutes and the same patches. NAME is a system; without NAME all are trained.

    Run the same command again to continue after an interruption.
    """
    require_writable(out)
    systems = narrow_systems(names)
    stream, bank = open_bank(dataset)
    for system in systems:
        path = train_narrow(system, stream, bank, minutes, out)
        if ship:
            click.echo(ship_narrow(system, path))


if __name__ == "__main__":
    run_command(with_common_options(command))
