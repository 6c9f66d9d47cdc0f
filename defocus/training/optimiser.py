"""Optimiser of a training: its settings, and the one of ``torch.optim`` that they name."""

import inspect
from typing import TYPE_CHECKING, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from defocus.near_names import meant
from defocus.settings import Settings

if TYPE_CHECKING:
    from torch import nn, optim

FIXED: dict[str, dict[str, Any]] = {
    # Fused: the plain one takes a third of a step of a large network on a CPU.
    "adam": {"fused": True},
    "adamw": {"fused": True},
    "radam": {"decoupled_weight_decay": True},
}
"""Arguments that these optimisers get in every recipe."""

UNFIT = {
    "lbfgs": "it calls the network several times for one step",
    "sparseadam": "it takes sparse gradients alone",
}
"""Optimisers that no training here can use, and why."""


class Optimiser(Settings):
    """How gradients become steps.

    Attributes:
        name: Any class of ``torch.optim`` that takes plain gradients, in lower case; ``adam``,
            ``adamw`` and ``radam`` (both with decoupled weight decay) are the field's.
        betas: Decay of the two running means, where the optimiser has them; each in [0, 1).
        eps: Added to the root of the second one; above 0.
        weight_decay: Weight decay per step and learning rate; 0 for none.
        decayed: ``all`` parameters decay, or ``matrices``, which leaves out what has one dimension,
            such as biases.
        settings: Further keyword arguments of the class, such as ``momentum``; what is not set is
            as torch has it.

    Raises:
        ValueError: PyTorch has no such optimiser, it cannot be used here, or it does not have a
            setting; the message suggests a similar name.

    Examples:
        >>> import defocus
        >>> optimiser = defocus.Optimiser(name="sgd", settings={"momentum": 0.9})
        >>> optimiser.settings["momentum"], optimiser.weight_decay
        (0.9, 0.0)
    """

    name: str = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    decayed: Literal["all", "matrices"] = "all"
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _in_lower_case(cls, name: str) -> str:
        return name.lower()

    @model_validator(mode="after")
    def _known_to_torch(self) -> "Optimiser":
        if self.settings or self.name not in {"adam", "adamw", "radam"}:
            _check(self)
        return self

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings that nobody has set do not count in the identity of a training."""
        values: dict[str, Any] = handler(self)
        if self.settings:
            return values
        return {k: v for k, v in values.items() if k != "settings"}


def make_optimiser(
    settings: Optimiser,
    parameters: "list[nn.Parameter]",
    learning_rate: float,
) -> "optim.Optimizer":
    """The optimiser of a recipe; ValueError if torch does not take it."""
    if not parameters:
        raise ValueError("the network has no parameters to train; leave its recipe out")
    kind = _kind(settings.name)
    taken = inspect.signature(kind).parameters.keys() - {"params", "lr"}
    given = {
        **FIXED.get(settings.name, {}),
        **_common(settings, taken),
        **settings.settings,
    }
    for name in given.keys() - taken:
        raise ValueError(
            f"optimiser {settings.name!r} has no setting {name!r}; {meant(name, sorted(taken))}"
        )
    try:
        return kind(_groups(settings, parameters), lr=learning_rate, **given)  # type: ignore[call-arg]
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"optimiser {settings.name!r}: {error}") from error


def _check(settings: Optimiser) -> None:
    """Refuse an optimiser that torch does not have, or settings that it does not take."""
    import torch  # takes a second

    # A matrix, because some take nothing else.
    make_optimiser(settings, [torch.nn.Parameter(torch.zeros(2, 2))], 1e-3)


def _groups(settings: Optimiser, parameters: "list[nn.Parameter]") -> list[Any]:
    """The parameters, apart from those that do not decay."""
    if settings.decayed == "all":
        return parameters
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


def _kind(name: str) -> "type[optim.Optimizer]":
    from torch import optim  # takes a second

    classes = {}
    for value in vars(optim).values():
        if isinstance(value, type) and issubclass(value, optim.Optimizer):
            classes[value.__name__.lower()] = value
    fit = sorted(classes.keys() - UNFIT.keys() - {"optimizer"})
    if name in UNFIT:
        raise ValueError(f"optimiser {name!r} cannot be used: {UNFIT[name]}")
    if name not in fit:
        raise ValueError(f"no optimiser {name!r} in torch.optim; {meant(name, fit)}")
    return classes[name]


def _common(settings: Optimiser, taken: set[str]) -> dict[str, Any]:
    """Betas, eps and weight decay: those that differ from Adam's, and all that Adam's kin take."""
    adam = type(settings)()
    common = {}
    for name in ("betas", "eps", "weight_decay"):
        value = getattr(settings, name)
        of_kin = settings.name in FIXED and name in taken
        if of_kin or value != getattr(adam, name):
            common[name] = value
    return common
