"""ONNX graphs of networks, each compared with PyTorch before anything is written."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.layers.pointwise import Pointwise, PointwiseLinear
from defocus.errors import NotApplicableError
from defocus.extra_packages import require
from defocus.extras.export.agreement import GraphAgreement, agreement
from defocus.storage.files import write_bytes

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 20
TRACED_PX = (70, 101)
"""Height and width at which a graph of any size is traced: odd numbers, so that the trace has
padding."""

COMPARED_PX = ((96, 128), (133, 105))
"""Sizes at which a graph of any size must agree: one with round multiples, and one with an odd
side."""

STATIC_PX = 256
"""Side of the squares that a graph takes if it cannot take any size and no side is asked for."""

INPUT, OUTPUT = "input", "output"
_SIDES = ("height", "width")

_FAULTS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
)
"""Errors that PyTorch's exporter raises for a network that it cannot follow."""


@dataclass(frozen=True)
class Graph:
    """An ONNX graph that agrees with PyTorch."""

    model: "ModelProto"  # the graph with its weights
    # side of the only squares that it takes; None for any height and width
    side_px: int | None
    agreement: GraphAgreement  # how well and how fast it is
    why_static: str = (
        ""  # why it takes no other size, where any size was asked for; else empty
    )


def make_graph(
    system: Baseline,
    network: nn.Module,
    side_px: int | None = None,
) -> Graph:
    """The graph of a network, with weights and on the CPU, of any size, or else of squares.

    From ``input`` ``(1, C, H, W)`` RGB in [0, 1], C = 6 for two views, to ``output``, not clamped.
    """
    _require_onnx()
    card = system.card
    if card.needs:
        raise NotApplicableError(
            f"{card.name} needs {', '.join(card.needs)} beside the picture"
        )
    if card.kind == "generative":
        raise NotApplicableError(
            f"{card.name} cannot be exported: it starts from random numbers that PyTorch draws, "
            "which a graph does not repeat"
        )
    channels = 6 if card.input == "dual" else 3
    why = ""
    if side_px is None:
        try:
            model, agreed = _agreeing(network, channels, None)
            return Graph(model, None, agreed)
        except NotApplicableError as error:
            why = str(error)
    try:
        model, agreed = _agreeing(network, channels, side_px or STATIC_PX)
    except NotApplicableError as error:
        raise NotApplicableError(f"{card.name} cannot be exported: {error}") from error
    return Graph(model, side_px or STATIC_PX, agreed, why)


def write_graph(graph: Graph, path: Path, facts: Mapping[str, str]) -> None:
    """Write a graph as one ``.onnx`` file, with facts about it in the file's own table."""
    import onnx

    onnx.helper.set_model_props(graph.model, dict(facts))
    write_bytes(path, graph.model.SerializeToString())


def _require_onnx() -> None:
    for module in ("onnx", "onnxruntime", "onnxscript"):
        require(module, "export")


def _agreeing(
    network: nn.Module,
    channels: int,
    side_px: int | None,
) -> "tuple[ModelProto, GraphAgreement]":
    """The graph for any size, or for squares of one side, once it agrees with PyTorch."""
    traced = (side_px, side_px) if side_px else TRACED_PX
    model = _traced(network, channels, traced, any_size=side_px is None)
    compared = (traced,) if side_px else COMPARED_PX
    return model, agreement(model.SerializeToString(), network, channels, compared)


def _traced(
    network: nn.Module,
    channels: int,
    size: tuple[int, int],
    *,
    any_size: bool,
) -> "ModelProto":
    """PyTorch's own export, with the names of sides that other tools know and no paths in it."""
    import onnx

    dynamic = torch.export.Dim.DYNAMIC
    picture = torch.rand(1, channels, *size, generator=torch.Generator().manual_seed(0))
    try:
        with _plain_pointwise(network), _quiet():
            program = torch.onnx.export(
                network,
                (picture,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({2: dynamic, 3: dynamic},) if any_size else None,
                verbose=False,
            )
    except _FAULTS as error:
        raise NotApplicableError(_reason(error)) from error
    if program is None:
        raise NotApplicableError("PyTorch gives no graph")
    model = program.model_proto
    sides = model.graph.input[0].type.tensor_type.shape.dim[2:]
    if any_size and not all(side.dim_param for side in sides):
        raise NotApplicableError("its graph has one size only")
    _rename_sides(model, [side.dim_param for side in sides])
    _strip_origins(model)
    onnx.checker.check_model(model)
    return model


@contextlib.contextmanager
def _plain_pointwise(network: nn.Module) -> Iterator[None]:
    """Replace fast CPU layouts by plain layers: in a graph they would only add copies."""
    plain: dict[type[nn.Module], type[nn.Module]] = {
        Pointwise: nn.Conv2d,
        PointwiseLinear: nn.Linear,
    }
    changed = [
        (module, type(module)) for module in network.modules() if type(module) in plain
    ]
    for module, kind in changed:
        module.__class__ = plain[kind]
    try:
        yield
    finally:
        for module, kind in changed:
            module.__class__ = kind


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks on its own insides, which nobody who exports can act upon."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """The first cause as one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = next(
        (line for line in str(error).splitlines() if line.strip()),
        type(error).__name__,
    )
    return f"PyTorch's exporter says: {text.strip()[:200]}"


def _rename_sides(model: "ModelProto", sides: list[str]) -> None:
    """Rename sides to ``height`` and ``width``, by which some tools, as darktable, fix them."""
    names = {old: new for old, new in zip(sides, _SIDES, strict=True) if old}
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = re.sub(
                    r"\w+",
                    lambda word: names.get(word[0], word[0]),
                    dim.dim_param,
                )


def _strip_origins(model: "ModelProto") -> None:
    """Remove the origins of nodes, which name source files of this machine."""
    del model.graph.metadata_props[:]
    model.graph.doc_string = ""
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for part in (*model.graph.input, *model.graph.output):
        del part.metadata_props[:]
