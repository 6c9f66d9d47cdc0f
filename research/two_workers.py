"""How much faster two workers on two cores are than one on one core, verb by verb.

``python -m research.two_workers READER:PATH OUT`` wants an idle machine and some twenty pairs, as
starting a command takes seconds; it prints a ratio for each verb and keeps ``two_workers.json``."""

import argparse
import json
import os
import shutil
from pathlib import Path

from defocus.storage.files import make_folder, write_json
from research.chain import from_anywhere, measured

TARGET = 1.8

COMMANDS = {
    "audit": "defocus-data audit {dataset} --out audit --on {workers}",
    "compensate": "defocus-data compensate {dataset} --out aligned --on {workers}",
    "restore": "defocus-restore --dataset {dataset} --out restored --on {workers}",
    "score": "defocus-bench score --restored ../restored --dataset {dataset} --on {workers}",
}
"""The verbs, in an order in which ``score`` finds restored pictures."""


def seconds_of(
    verb: str,
    dataset: str,
    out: Path,
    workers: int,
) -> float:
    """Seconds of a command on as many cores as workers; its results are thrown away."""
    command = COMMANDS[verb].format(dataset=dataset, workers=workers)
    folder = make_folder(out / verb)
    done = measured(command, folder, sorted(os.sched_getaffinity(0))[:workers])
    if done.code:
        said = (folder / "said.txt").read_text(errors="replace").strip()
        raise SystemExit(f"{command}: exit code {done.code}\n{said}")
    if verb == "restore" and not (out / "restored").exists():
        (folder / "restored").rename(out / "restored")
    shutil.rmtree(folder)
    return done.seconds


def ratio_of(
    verb: str,
    dataset: str,
    out: Path,
    rounds: int,
) -> dict[str, float | str]:
    """Seconds of one and of two workers, each the least of some rounds, and their ratio."""
    least = []
    for workers in (1, 2):
        rounds_s = [seconds_of(verb, dataset, out, workers) for _ in range(rounds)]
        least.append(min(rounds_s))
    one, two = least
    return {
        "verb": verb,
        "one_s": one,
        "two_s": two,
        "ratio": round(one / two, 2),
    }


def main() -> int:
    """Print one line per verb; the exit code is 1 where a ratio is below the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--verb", action="append", choices=list(COMMANDS))
    asked = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("two workers need two cores")
    dataset = from_anywhere(asked.dataset)
    found = []
    for verb in asked.verb or COMMANDS:
        out = make_folder(asked.out).resolve()
        found.append(ratio_of(verb, dataset, out, asked.rounds))
        print(json.dumps(found[-1]), flush=True)  # noqa: T201 - what the script is for
    write_json(asked.out / "two_workers.json", found)
    return int(any(float(one["ratio"]) < TARGET for one in found))


if __name__ == "__main__":
    raise SystemExit(main())
