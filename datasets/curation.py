"""Curate a dataset: judgements of all pairs by people or rules, and the dataset of the accepted.

``decisions.jsonl`` has people's decisions, one per line; ``judgements.csv`` has every pair."""

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from defocus.datasets.audit.run import Audit
from defocus.datasets.curation_rules import Judgement, Rules, Verdict, judged
from defocus.datasets.deriving.maker import (
    claim_folder,
    content_of,
    keeping,
    make_dataset,
)
from defocus.datasets.pair import Dataset, MakingStep, by_id, step
from defocus.errors import DatasetError, NotApplicableError
from defocus.processes.isolation import LeftOut
from defocus.reading import read_bytes
from defocus.reports.display import csv_text
from defocus.settings import Settings
from defocus.storage.files import storing, sync_folder, write_text
from defocus.storage.staging import staging_folder

DECISIONS = "decisions.jsonl"


class Decision(Settings):
    """One line of the file."""

    id: str
    verdict: Verdict | Literal["undone"]
    reason: str


def read_decisions(folder: Path) -> dict[str, Judgement]:
    """Read the last decision on each pair; those that were undone do not count."""
    return by_id(_decisions(folder))


def undo_decision(folder: Path) -> str:
    """Undo the last decision that stands; the id of its pair, or ValueError if there is none."""
    standing = _decisions(folder)
    if not standing:
        raise ValueError("there is no decision to undo")
    _append(folder, Decision(id=standing[-1].id, verdict="undone", reason=""))
    return standing[-1].id


def _decisions(folder: Path) -> list[Judgement]:
    """Decisions that stand, first to last; an incomplete last line is ignored."""
    path = folder / DECISIONS
    if not path.is_file():
        return []
    standing: list[Judgement] = []
    for number, line in enumerate(read_bytes(path).split(b"\n")[:-1], 1):
        try:
            entry = Decision.model_validate_json(line)
        except ValidationError as error:
            raise DatasetError(
                f"{path}: line {number} is damaged; remove it"
            ) from error
        if entry.verdict != "undone":
            standing.append(Judgement(entry.id, entry.verdict, entry.reason, "person"))
        elif standing:
            standing.pop()
    return standing


def add_decision(folder: Path, judgement: Judgement) -> None:
    """Add a person's decision; when this returns, it survives a power loss."""
    entry = Decision(
        id=judgement.id, verdict=judgement.verdict, reason=judgement.reason
    )
    _append(folder, entry)


def _append(folder: Path, entry: Decision) -> None:
    path = folder / DECISIONS
    line = json.dumps(entry.model_dump()).encode() + b"\n"
    with storing(path):
        with path.open("ab+") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)  # a line that was cut short
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)


JUDGEMENTS = "judgements.csv"


@dataclass(frozen=True)
class Curation:
    """A dataset that is being curated into the folder ``out``."""

    dataset: Dataset
    audit: Audit
    rules: Rules
    by_rule: tuple[Judgement, ...]  # judgement of each pair by the rules
    out: Path

    def judgements(self) -> tuple[Judgement, ...]:
        """The present judgement of each pair: a person's decision replaces that by rule."""
        decisions = read_decisions(self.out)
        return tuple(decisions.get(one.id, one) for one in self.by_rule)


def begin_curation(dataset: Dataset, audit: Audit, rules: Rules, out: Path) -> Curation:
    """Judge all pairs by the rules; ``out`` is new, or begun with the same dataset and rules."""
    claim_folder(out, "curate", _order(dataset, rules))
    return Curation(dataset, audit, rules, judged(audit, rules), out)


def _order(dataset: Dataset, rules: Rules) -> dict[str, Any]:
    return {**content_of(dataset), "rules": rules.model_dump(mode="json")}


def finish_curation(
    curation: Curation,
) -> tuple[tuple[Judgement, ...], tuple[LeftOut, ...]]:
    """Write all judgements, even if none accepts a pair, and the dataset of the accepted ones."""
    # What it returns: the judgements, and the accepted pairs that could not be kept.
    judgements = curation.judgements()
    write_text(curation.out / JUDGEMENTS, _csv(judgements))
    accepted = {one.id for one in judgements if one.verdict == "accept"}
    pairs = [pair for pair in curation.dataset.pairs if pair.id in accepted]
    if not pairs:
        raise NotApplicableError(
            f"{curation.dataset.name}: no pair is accepted, see {curation.out / JUDGEMENTS}; such "
            f"as {judgements[0].id}: {judgements[0].reason}"
        )
    for folder in (curation.out / "pairs").glob("[!.]*"):
        if folder.name not in accepted:  # a person has changed their mind
            with staging_folder(folder.parent, f".{folder.name}-", ".part") as aside:
                # in one step: it is never there in part
                folder.rename(aside / "rejected")
    order = _order(curation.dataset, curation.rules)
    kept = keeping(
        "curate", order, curation.dataset, pairs, _step(curation, judgements)
    )
    return judgements, make_dataset(curation.out, kept).left_out


def _step(curation: Curation, judgements: Sequence[Judgement]) -> MakingStep:
    """The step of curation: the rules, and how many pairs were accepted, by whom."""
    verdicts = Counter(one.verdict for one in judgements)
    return step(
        "curate",
        **curation.rules.model_dump(mode="json"),
        accepted=verdicts["accept"],
        rejected=verdicts["reject"],
        by_people=sum(one.by == "person" for one in judgements),
        rejected_for=_reasons(judgements),
    )


def _reasons(judgements: Sequence[Judgement]) -> str | None:
    """Reasons for which pairs were rejected, with counts; None if none was rejected."""
    kinds = Counter[str]()
    for one in judgements:
        if one.verdict != "reject":
            continue
        kind = re.split(r"[\d:;]", one.reason)[0].strip()
        kinds["a person's decision" if one.by == "person" else kind] += 1
    return ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common()) or None


def _csv(judgements: Sequence[Judgement]) -> str:
    columns = ("id", "verdict", "reason", "by")
    return csv_text(
        [columns, *((one.id, one.verdict, one.reason, one.by) for one in judgements)]
    )
