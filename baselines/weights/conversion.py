"""Conversion of a file's tensors to a system's state dict: names, shapes, values."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from defocus.baselines.card import Baseline
from defocus.baselines.registry import home_package
from defocus.baselines.size import shapes_alone
from defocus.errors import WeightsError
from defocus.storage.torch_files import Entries, check_state, entries_of

OWN = "network."
"""Prefix of a network's entries in checkpoints of our trainings."""

COUNTS = ("total_ops", "total_params")
"""Last parts of entries that thop, which counts operations, leaves in a network."""


def wanted_entries(system: Baseline) -> Entries:
    """State-dict entries of a system's network, which is built without memory."""
    with shapes_alone():
        return entries_of(system.build().state_dict())


def state_for(
    system: Baseline,
    tensors: Mapping[str, Tensor],
    origin: str,
    key: str = "",
    remark: Callable[[str], None] = lambda _: None,
) -> dict[str, Tensor]:
    """Make a system's state dict from the tensors of a file, or refuse them."""
    # The ``convert`` of the system's ``network.py`` is called first, unless the file is one of our
    # own checkpoints. Then the names may have any common prefix, such as ``state_dict.module.``.
    wanted = wanted_entries(system)
    if key:
        tensors = _table(tensors, key, origin)
    convert = None if _own(tensors, wanted) else _converter(system)
    if convert is not None:
        tensors = _converted(system, tensors, origin, convert)
    prefix, *others = _prefixes(tensors, wanted)
    _remark_on(origin, remark, others, prefix)
    state = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            state[name.removeprefix(prefix)] = tensor
    state = _without_counts(origin, remark, state, wanted)
    check_state(system.card.name, state, wanted, origin)
    return _in_order(state, wanted)


def _in_order(state: Mapping[str, Tensor], wanted: Entries) -> dict[str, Tensor]:
    """The entries in the network's order and of its types."""
    ordered = {}
    for name, (_, dtype) in wanted.items():
        tensor = state[name].to(dtype)
        ordered[name] = tensor.contiguous()
    return ordered


def _converted(
    system: Baseline,
    tensors: Mapping[str, Tensor],
    origin: str,
    convert: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
) -> Mapping[str, Tensor]:
    """The tensors with our names, or why the converter refuses them."""
    try:
        tensors = convert(tensors)
    except (LookupError, ValueError, RuntimeError, TypeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise WeightsError(
            f"{origin}: not the weights of {system.card.name}: its converter says {reason}"
        ) from error
    return tensors


def _remark_on(
    origin: str,
    remark: Callable[[str], None],
    others: Sequence[str],
    prefix: str,
) -> None:
    """Say which other tables of the file would fit too."""
    if others:
        tables = " and ".join(one.rstrip(".") or "the file itself" for one in others)
        remark(
            f"{origin}: {prefix.rstrip('.') or 'the file itself'} was taken; {tables} would fit "
            "too: 'weights add --key NAME' takes it"
        )


def _without_counts(
    origin: str,
    remark: Callable[[str], None],
    state: dict[str, Tensor],
    wanted: Mapping[str, object],
) -> dict[str, Tensor]:
    """The state dict without counts of operations, which a profiler leaves in it."""
    if counted := [one for one in state if one not in wanted and one.endswith(COUNTS)]:
        remark(
            f"{origin}: {len(counted)} counts of operations (total_ops, total_params) ignored"
        )
        state = {name: tensor for name, tensor in state.items() if name not in counted}
    return state


def _own(tensors: Mapping[str, Tensor], wanted: Entries) -> bool:
    """Whether the file is one of our own checkpoints, which use exactly the system's names."""
    names = {name.removeprefix(OWN) for name in tensors if name.startswith(OWN)}
    return names == set(wanted)


def _converter(
    system: Baseline,
) -> Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None:
    """Function ``convert`` of the ``network`` module in the system's folder, if there is one."""
    package = home_package(system)
    if not package or importlib.util.find_spec(f"{package}.network") is None:
        return None
    return getattr(importlib.import_module(f"{package}.network"), "convert", None)


def _table(
    tensors: Mapping[str, Tensor],
    key: str,
    origin: str,
) -> Mapping[str, Tensor]:
    """The tensors below a name."""
    entries = {
        name: tensor for name, tensor in tensors.items() if name.startswith(f"{key}.")
    }
    if not entries:
        first = ", ".join(dict.fromkeys(name.partition(".")[0] for name in tensors))
        raise WeightsError(f"{origin}: no {key!r} in it; it has {first[:200]}")
    return entries


def _prefixes(tensors: Mapping[str, Tensor], wanted: Entries) -> list[str]:
    """The prefixes under which most of the wanted names are, the best one first."""
    # If several are equally good, running averages (``ema``) come last, and shorter prefixes first.
    if not wanted:
        return [""]
    last = next(reversed(list(wanted)))
    first = next(iter(wanted))
    candidates = {""}
    for name in tensors:
        for ending in (first, last):
            if name.endswith(f".{ending}"):
                candidates.add(name.removesuffix(ending))
    counts = {}
    for prefix in candidates:
        counts[prefix] = sum(prefix + name in tensors for name in wanted)
    best = [one for one in candidates if counts[one] == max(counts.values())]
    return sorted(best, key=lambda prefix: ("ema" in prefix, len(prefix), prefix))
