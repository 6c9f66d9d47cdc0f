"""What every registered system must keep, whoever wrote it.

Networks run as narrow copies, each built once for all its tests; whole ones run in
``tests/conformance``, or here where they have no fixture. Of variants the shapes are checked.
"""

import json
import math
import re
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from defocus.baselines.card import UNKNOWN, Baseline, Network
from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.recipe import Recipe
from defocus.baselines.registry import all_baselines
from defocus.baselines.size import parameter_count
from defocus.benchmark.commands.list import parameters
from defocus.benchmark.cost.counting import bf16_difference
from defocus.errors import ImageError
from tests.conformance.check import probe_files

SYSTEMS = all_baselines()
BASES = [
    name
    for name, system in SYSTEMS.items()
    if system.card.variant_of is None and system.card.kind != "objective"
]
VARIANTS = [name for name in SYSTEMS if name not in BASES]
OTHER_NETWORKS = {
    repr(SYSTEMS[name].build): name
    for name in VARIANTS
    if SYSTEMS[name].build not in [SYSTEMS[base].build for base in BASES]
}
"""Variants that are more than another training of their system's network, one of each kind."""
IN_BASELINES = re.compile(r"(?:systems|baselines)\.(?!systems)(\w+)\.")
PROBED = {
    name for path in probe_files() for name in IN_BASELINES.findall(path.read_text())
}
WHOLE = [
    name
    for name, system in SYSTEMS.items()
    if system.card.variant_of is None
    and system.narrow is not None
    and isinstance(system.build, Network)
    and system.build.package.rpartition(".")[2] not in PROBED
]
"""Networks without an official output that they are compared with."""
TRAINED = [name for name, system in SYSTEMS.items() if system.recipe is not None]
SIZES = [(16, 16), (33, 50)]
"""Beside the odd one of the batch."""
BATCH_SIZE = (17, 31)
SMALL = (16, 24)
CHANNELS = {"dual_pixel": 6, "defocus_map": 1}
TRAINING_PX = 48
"""A quarter of it still holds the window of structural similarity."""

BF16_DIFFERENCE = 0.1
"""Of 1: far above what 8 bits of mantissa do, far below a network that does not work in them."""


def draw(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height * width + channels)
    return torch.rand(count, channels, height, width, generator=generator)


def inputs(
    system: Baseline, count: int, height: int, width: int
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The blurry pictures, and what the card needs beside them."""
    channels = 6 if system.card.input == "dual" else 3
    needs = {
        name: draw(count, CHANNELS[name], height, width) for name in system.card.needs
    }
    return draw(count, channels, height, width), needs


def narrow(system: Baseline) -> Baseline:
    """The narrow copy, but with drawn weights: layers of zeros would hide what the others do."""
    copy = system.narrowed()
    if not isinstance(copy.build, Network):
        return copy
    settings = {
        name: value
        for name, value in copy.build.settings.items()
        if name not in COPYING
    }
    return replace(copy, build=replace(copy.build, settings=settings, zeroed=()))


COPYING = {"repeats_input"}
"""Settings by which fresh weights give the input."""


@lru_cache(maxsize=1)
def built(system: str) -> nn.Module:
    """The network of that ``repr``, kept until another one is built; not for changing it."""
    torch.manual_seed(0)
    return next(
        one for one in map(narrow, SYSTEMS.values()) if repr(one.build) == system
    ).build()


@pytest.fixture(scope="module")
def network(request):
    """One narrow copy at a time: pytest runs the tests of a name together."""
    system = narrow(SYSTEMS[request.param])
    return system, built(repr(system.build)).eval()


COMPILED = {"jnb"}
"""Compiling their loops takes seconds."""
bases = pytest.mark.parametrize(
    "network",
    [
        pytest.param(name, marks=pytest.mark.full if name in COMPILED else ())
        for name in BASES
    ],
    indirect=True,
)


def check_restored(restored: torch.Tensor, count: int, size: tuple[int, int]) -> None:
    assert restored.shape == (count, 3, *size)
    assert restored.dtype == torch.float32
    assert torch.isfinite(restored).all()


@bases
@torch.no_grad()
def test_any_size_in_is_the_size_out(network):
    system, module = network
    for size in SIZES:
        blurry, needs = inputs(system, 1, *size)
        check_restored(module(blurry, **needs), 1, size)


@pytest.mark.parametrize("name", WHOLE)
@torch.no_grad()
def test_a_whole_network_that_no_fixture_runs_keeps_an_odd_size(name):
    system = SYSTEMS[name]
    blurry, needs = inputs(system, 1, *BATCH_SIZE)
    check_restored(system.build().eval()(blurry, **needs), 1, BATCH_SIZE)


@bases
@torch.no_grad()
def test_batch_gives_what_singles_give_twice_what_once_gives_and_the_input_stays(
    network,
):
    system, module = network
    blurry, needs = inputs(system, 2, *BATCH_SIZE)
    kept = blurry.clone()
    second = {name: need[1:] for name, need in needs.items()}
    single = module(blurry[1:], **second).clone()
    both = module(blurry, **needs).clone()
    check_restored(both, 2, BATCH_SIZE)
    torch.testing.assert_close(both[1], single[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(module(blurry[1:], **second), single, rtol=0, atol=0)
    torch.testing.assert_close(blurry, kept, rtol=0, atol=0)


@bases
@torch.no_grad()
def test_flat_and_saturated_pictures_give_finite_ones(network):
    system, module = network
    blurry, needs = inputs(system, 4, *SMALL)
    for index, value in enumerate((0.0, 0.5, 1.0)):
        blurry[index] = value
        for need in needs.values():
            need[index] = value
    blurry[3, ..., : SMALL[1] // 2] = 1.0
    check_restored(module(blurry, **needs), 4, SMALL)


@bases
@torch.no_grad()
def test_values_that_are_not_finite_are_named_or_show(network):
    """What comes out of a run's networks is checked, so none may swallow them."""
    system, module = network
    blurry, needs = inputs(system, 1, *SMALL)
    blurry[0, 1, 5, 7] = torch.nan
    with suppress(ImageError):
        assert not torch.isfinite(module(blurry, **needs)).all()


@bases
@torch.no_grad()
def test_outputs_hold_what_forward_gives(network):
    system, module = network
    outputs = getattr(module, "outputs", None)
    if outputs is None:
        return
    blurry, needs = inputs(system, 1, *SMALL)
    torch.testing.assert_close(
        outputs(blurry, **needs)["restored"], module(blurry, **needs), rtol=0, atol=0
    )


@bases
def test_weights_can_be_stored_as_safetensors(network):
    _, module = network
    state = module.state_dict()
    stored = load(save(dict(state)))
    assert stored.keys() == state.keys()
    assert all(torch.equal(stored[name], tensor) for name, tensor in state.items())


@bases
@torch.no_grad()
def test_bf16_gives_nearly_the_same_where_it_is_supported(network):
    """Under autocast, as mixed precision is used; 'list --measure' shows the difference."""
    system, module = network
    blurry, needs = inputs(system, 1, *SMALL)
    difference = bf16_difference(module, blurry, **needs)
    if difference is None:
        pytest.skip("an operation has no bf16 on the CPU")
    assert difference < BF16_DIFFERENCE


@bases
def test_parameters_are_counted_without_memory(network, capfd):
    check_count(*network, capfd)


def check_count(
    system: Baseline, module: nn.Module, capfd: pytest.CaptureFixture[str]
) -> None:
    """The count is that of the network itself; of the whole one it is as declared."""
    capfd.readouterr()
    assert parameter_count(system) == sum(one.numel() for one in module.parameters())
    whole = SYSTEMS[system.card.name]
    counted = parameter_count(whole)
    assert parameters(whole) == counted, (
        "run: python -m defocus.benchmark.commands.list"
    )
    assert capfd.readouterr().err == "", (
        "built twice: it cannot be built without memory"
    )


@pytest.mark.full
@pytest.mark.parametrize("network", OTHER_NETWORKS.values(), indirect=True)
def test_variants_keep_the_size(network, capfd):
    system, module = network
    blurry, needs = inputs(system, 1, *BATCH_SIZE)
    with torch.no_grad():
        check_restored(module(blurry, **needs), 1, BATCH_SIZE)
    check_count(system, module, capfd)


def training_kinds() -> list[str]:
    """Systems, and variants whose recipe asks for another loss than their system's."""
    seen: set[str] = set()
    kinds = []
    for name in sorted(TRAINED, key=lambda name: name in VARIANTS):
        system = SYSTEMS[name]
        recipe = system.recipe()
        family = system.card.variant_of or name
        key = json.dumps(
            [family, recipe.objective, recipe.objective_settings], sort_keys=True
        )
        if key not in seen:
            seen.add(key)
            kinds.append(name)
    return kinds


OF_WHOLE_SIZE = ("ifan", "jdrl-ifan", "swin-diff")
"""Their objectives have networks that fit the whole one's channels; narrow copies a plainer one."""
RESTING = {"mdp-views": "sharp_"}
"""Parts of networks that a training leaves as they are."""


def recipe_of(narrow_copy: Baseline) -> Recipe:
    """The recipe of the whole system."""
    own = SYSTEMS[narrow_copy.card.name].recipe
    return (
        narrow_copy.recipe()
        if narrow_copy.card.name.startswith(OF_WHOLE_SIZE)
        else own()
    )


DEAREST = {"cyclegan", "jdrl-unet-official"}


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(k, marks=[pytest.mark.full] * (k in DEAREST))
        for k in training_kinds()
    ],
    indirect=True,
)
def test_a_training_step_gives_finite_gradients(network):
    """At the last epoch, and at the first where the objective is told of the progress.

    All that can be trained gets one, so that a network learns as a whole."""
    system, module = network
    recipe = recipe_of(system)
    torch.manual_seed(0)
    module.train()
    loss_of = objective(recipe.objective, **recipe.objective_settings).train()
    side = TRAINING_PX
    blurry, needs = inputs(system, 1, side, side)
    supervision = {
        name: draw(1, CHANNELS[name], side, side) for name in recipe.supervision
    }
    batch = Batch(blurry, draw(1, 3, side, side).flip(-1), needs, supervision)
    first = [] if recipe.objective == "supervised" else [0.0]
    moved = 0.0
    for epoch in [*first, recipe.epochs - 1.0]:
        loss, parts = loss_of(module, batch, Progress(0, epoch, recipe.warmup_epochs))
        module.zero_grad()
        loss.backward()
        assert loss.shape == ()
        assert all(math.isfinite(float(value)) for value in parts.values())
        assert not any(
            getattr(value, "requires_grad", False) for value in parts.values()
        )
        norms = [
            float(one.grad.norm())
            for one in module.parameters()
            if one.grad is not None
        ]
        assert all(map(math.isfinite, norms))
        moved += sum(norms)
    still = [
        n for n, p in module.named_parameters() if p.requires_grad and p.grad is None
    ]
    module.zero_grad()
    assert moved > 0
    resting = RESTING.get(system.card.name, "none")
    assert not [name for name in still if not name.startswith(resting)]


@pytest.mark.parametrize("name", TRAINED)
def test_recipes_have_all_budgets(name):
    recipe = SYSTEMS[name].recipe
    settings = recipe()
    demo, quick = settings.schedule("demo").steps, settings.schedule("quick").steps
    assert demo <= quick
    rates = [
        settings.learning_rate("paper", settings.epochs * k / 50) for k in range(51)
    ]
    assert all(0 <= rate <= settings.paper.learning_rate * (1 + 1e-9) for rate in rates)
    text = json.dumps(settings.objective_settings, sort_keys=True)
    assert has_adversary(settings.objective, text) == (settings.adversary is not None)


@cache
def has_adversary(name: str, settings: str) -> bool:
    """Whether an objective trains a second network; most systems share theirs with others."""
    return objective(name, **json.loads(settings)).adversary is not None


@pytest.mark.parametrize("name", SYSTEMS)
def test_cards_say_what_a_reader_needs(name):
    card = SYSTEMS[name].card
    for text in (card.display_name, card.source, card.follows, card.licence):
        assert text.strip() == text
        assert len(text) > 2
    assert card.kind == "objective" or not name.startswith("jdrl-")
    assert set(card.needs) <= set(CHANNELS)
    assert (
        card.weights_trained_on in {(UNKNOWN,), ()}
        or UNKNOWN not in card.weights_trained_on
    )
    if name.endswith(("-truth", "-prealigned")):
        assert not card.weights_trained_on  # nobody released any
