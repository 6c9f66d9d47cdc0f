"""Exports every listed network to ONNX and keeps the table of exports.md, a process each.

``python -m research.pages.exports``: the rows that are missing; ``… NAME…`` makes some again."""

import argparse
import multiprocessing
import os
import resource
import signal
import sys

import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.registry import all_baselines
from defocus.baselines.size import parameter_count
from defocus.errors import NotApplicableError
from defocus.extras.export.graph import STATIC_PX, make_graph
from defocus.progress import say
from defocus.storage.files import write_text
from research import markdown
from research.pages import DOCS
from tests.conformance.probe import fill_weights

PAGE = DOCS / "exports.md"
MARK = "<!-- made by research.pages.exports: nothing below is written by hand -->"
HEAD = (
    "| system | parameters | sizes that it takes | difference | time | nodes | MB | remark |",
    "|---|---|---|---|---|---|---|---|",
)
SECOND_PX = STATIC_PX // 2
"""Side of the second graph, px, with which a graph of one size is compared."""
MOST_GROWN, SMALLER = 1000.0, 0.7
"""Largest output of a network for a picture in [0, 1]; above it, its weights are multiplied by the
second number."""


def main() -> None:
    """Make rows and write the page after each."""
    words = argparse.ArgumentParser(description="Export every listed network to ONNX.")
    words.add_argument(
        "names",
        nargs="*",
        help="Systems; by default those that have no row yet.",
    )
    words.add_argument(
        "--minutes",
        type=int,
        default=4,
        help="Minutes of CPU time for each system.",
    )
    given = words.parse_args()
    systems = listed()
    rows = written_rows()
    missing = [name for name in systems if name not in rows]
    for name in given.names or missing:
        say(f"{name}: exporting")
        system = systems[name]
        line = same_network(system, rows)
        rows[name] = line or row_in_time(system, given.minutes)
        chosen = {name: rows[name] for name in systems if name in rows}
        write_page(chosen)


def listed() -> dict[str, Baseline]:
    """Every system with weights that is not a variant."""
    systems = {}
    for name, system in all_baselines().items():
        has_weights = system.card.kind not in {"classical", "reference"}
        if has_weights and not system.card.variant_of:
            systems[name] = system
    return systems


def written_rows() -> dict[str, str]:
    """The lines of the table by system."""
    table = PAGE.read_text(encoding="utf-8").partition(MARK)[2]
    rows = {}
    for line in table.splitlines():
        if line.startswith("| `"):
            _, system, _ = line.split("`", 2)
            rows[system] = line
    return rows


def same_network(system: Baseline, rows: dict[str, str]) -> str:
    """The row of a system that is another one's network, trained in another way; else empty."""
    for name, other in listed().items():
        same = other.build == system.build
        if name != system.card.name and name in rows and same:
            _, *facts, remark = rows[name].split(" | ")
            if not remark.startswith("as `"):
                own = f"| `{system.card.name}`"
                return " | ".join([own, *facts, f"as `{name}` |"])
    return ""


def row_in_time(system: Baseline, minutes: int) -> str:
    """The line of a system, made in a process of its own."""
    context = multiprocessing.get_context("fork")
    rows = context.SimpleQueue()

    def make() -> None:
        seconds = 60 * minutes
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        rows.put(row(system))

    process = context.Process(target=make)
    process.start()
    process.join()
    if process.exitcode == -signal.SIGXCPU:
        return row_without(system, f"not done after {minutes} minutes of CPU time")
    if process.exitcode:
        sys.exit(f"{system.card.name}: its process ended with {process.exitcode}")
    return str(rows.get())


def row(system: Baseline) -> str:
    """Export one network; a line of the table."""
    network = filled(system)
    try:
        graph = make_graph(system, network)
        worst = graph.agreement.difference
        if graph.side_px:
            second = make_graph(system, network, SECOND_PX)
            worst = max(worst, second.agreement.difference)
    except NotApplicableError as error:
        beginning = f"{system.card.name} cannot be exported: "
        return row_without(system, str(error).removeprefix(beginning))
    sizes = (
        f"one; compared at {STATIC_PX} and {SECOND_PX} px" if graph.side_px else "any"
    )
    megabytes = len(graph.model.SerializeToString()) / 1e6
    return markdown.row(
        f"`{system.card.name}`",
        millions(system),
        sizes,
        f"{worst:.0e}",
        f"{graph.agreement.time_ratio:.2f}",
        str(len(graph.model.graph.node)),
        f"{megabytes:.1f}",
        graph.why_static,
    )


def filled(system: Baseline) -> nn.Module:
    """The network with numbers by the fixtures' rule, smaller where its output would explode.

    Values that grow from layer to layer are rounding errors, which no two programs share."""
    network = system.build().eval()
    picture = torch.rand(
        1,
        3,
        64,
        64,
        generator=torch.Generator().manual_seed(0),
    )
    for gain in (1.0, SMALLER):
        fill_weights(network, 0, gain)
        if system.card.needs or system.card.kind == "generative":
            break
        with torch.no_grad():
            if float(network(picture).abs().max()) <= MOST_GROWN:
                break
    return network


def row_without(system: Baseline, reason: str) -> str:
    """The line of a system that has no graph."""
    return f"| `{system.card.name}` | {millions(system)} | none | | | | | {reason} |"


def millions(system: Baseline) -> str:
    """Parameters of a system's network."""
    return f"{parameter_count(system) / 1e6:.2f} M"


def write_page(rows: dict[str, str]) -> None:
    """The page with its table and how many of the systems have a graph."""
    written = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    exported = sum("| none |" not in line for line in rows.values())
    total = f"{exported} of {len(rows)} systems have a graph."
    untried = [f"`{name}`" for name in listed() if name not in rows]
    if untried:
        total += f" Not tried yet: {', '.join(untried)}."
    lines = [
        f"{written}{MARK}",
        "",
        total,
        "",
        *HEAD,
        *rows.values(),
        "",
    ]
    write_text(PAGE, "\n".join(lines))


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    main()
