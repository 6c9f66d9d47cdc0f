"""Export of stored weights to the form that another tool reads."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defocus.baselines.card import Baseline
from defocus.baselines.weights.store import StoredWeights, build_with
from defocus.errors import InputError
from defocus.extras.export.agreement import GraphAgreement
from defocus.extras.export.darktable import (
    TILE_PX,
    refuse_foreign_package,
    require_darktable,
    write_darktable,
)
from defocus.extras.export.graph import make_graph, write_graph
from defocus.extras.export.hub import require_hub, write_hub_folder
from defocus.extras.export.origin import WeightsOrigin, origin_of
from defocus.storage.files import make_folder, require_writable


@dataclass(frozen=True)
class Exported:
    """Files that were written."""

    path: Path  # file or folder
    megabytes: float  # of the file; of the weights in a folder
    # side of the only squares that a graph takes; None for any size, or no graph
    side_px: int | None = None
    agreement: GraphAgreement | None = None  # of a graph with PyTorch; None without one
    why_static: str = (
        ""  # why a graph takes one size only, where any was asked for; else empty
    )

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-bench export-weights --json`` prints."""
        agreed = self.agreement
        return {
            "path": str(self.path),
            "megabytes": self.megabytes,
            "side_px": self.side_px,
            "why_one_size": self.why_static,
            "max_difference": agreed.difference if agreed else None,
            "compared_at": list(map(list, agreed.sizes)) if agreed else [],
            "time_ratio": agreed.time_ratio if agreed else None,
        }

    def line(self) -> str:
        """The line that is printed."""
        text = f"{self.path}: {self.megabytes:.1f} MB"
        if self.agreement is None:
            return text
        sizes = f"{self.side_px}x{self.side_px} px only" if self.side_px else "any size"
        why = f" ({self.why_static})" if self.why_static else ""
        return (
            f"{text}; {sizes}{why}; differs from PyTorch by {self.agreement.difference:.0e} of "
            f"the range; ONNX Runtime takes {self.agreement.time_ratio:.2f} of PyTorch's time"
        )


def export_weights(
    system: Baseline,
    stored: StoredWeights,
    form: str,
    out: Path,
    tile_px: int | None = None,
) -> Exported:
    """Write weights for another tool: ``form`` is ``onnx`` (a file), ``dtmodel`` or ``hub``.

    Only files that this wrote are replaced; what people edit (graph, folder for the hub) never."""
    origin = origin_of(system, stored)
    require_writable(out.parent if form == "onnx" else out)
    if form == "onnx":
        if out.suffix.lower() != ".onnx":
            raise InputError(f"{out}: a graph is a file .onnx; give --out such a name")
        _refuse_existing(out)
    if form == "hub":
        return _write_hub(system, stored, out, origin)
    if form == "dtmodel":
        tile_px = tile_px or TILE_PX
        require_darktable(origin, tile_px)
        refuse_foreign_package(system.card.name, out)
    graph = make_graph(system, build_with(system, stored), tile_px)
    if form == "dtmodel":
        path = write_darktable(origin, graph, out)
    else:
        path = out
        make_folder(out.parent)
        write_graph(graph, out, origin.facts())
    return Exported(
        path,
        _megabytes(path),
        graph.side_px,
        graph.agreement,
        graph.why_static,
    )


def _write_hub(
    system: Baseline,
    stored: StoredWeights,
    out: Path,
    origin: WeightsOrigin,
) -> Exported:
    """Write a folder for the hub."""
    require_hub()
    folder = write_hub_folder(origin, build_with(system, stored), out)
    return Exported(folder, _megabytes(folder / "model.safetensors"))


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise InputError(f"{path}: a file of that name exists; choose another --out")


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
