"""What is known of a dataset, as lines for people and as a JSON document."""

from dataclasses import asdict
from typing import Any

from defocus.datasets.api import check_dataset, reader_card
from defocus.datasets.layouts.completeness import Completeness
from defocus.datasets.readers.card import ReaderCard

__all__ = ["description"]


def description(dataset: str) -> tuple[dict[str, Any], list[str]]:
    """The card of a reader; of ``READER:PATH`` also whether the copy is complete.

    Returns:
        A JSON document: the card's fields, and for a copy ``complete`` (None where nobody knows),
        ``missing``, ``extra``, ``wrong`` and ``found``; and the same as lines.

    Raises:
        DatasetError: No such reader, or nothing of the dataset is there.
    """
    name, colon, _ = dataset.partition(":")
    card = reader_card(name)
    document: dict[str, Any] = {"name": name, **asdict(card)}
    document["counts"] = dict(card.counts)
    lines = _card_lines(name, card)
    if colon:
        found = check_dataset(dataset)
        document |= _copy(found)
        lines += ["", *_copy_lines(dataset, found)]
    return document, lines


def _card_lines(name: str, card: ReaderCard) -> list[str]:
    counts = ", ".join(f"{number} {split}" for split, number in card.counts.items())
    facts = {
        "source": card.source,
        "licence": card.licence,
        "redistribution": "permitted" if card.redistributable else "not permitted",
        "cite": card.citation,
        "pictures": counts,
        "sizes": ", ".join(f"{width}x{height}" for width, height in card.sizes),
        "layout unverified": card.unverified,
    }
    lines = [f"{name}: {card.title}"]
    lines += [f"  {label}: {text}" for label, text in facts.items() if text]
    return lines + [f"  known defect: {text}" for text in card.defects]


def _copy(found: Completeness | None) -> dict[str, Any]:
    if found is None:
        return {"complete": None}
    return {
        "complete": found.ok,
        "found": found.counts,
        "missing": list(found.missing),
        "extra": list(found.extra),
        "wrong": list(found.wrong),
    }


def _copy_lines(dataset: str, found: Completeness | None) -> list[str]:
    if found is None:
        return [f"{dataset}: your own set; nobody knows what a complete one has"]
    counts = ", ".join(f"{number} {split}" for split, number in found.counts.items())
    lines = [f"{dataset}: {counts}; {'complete' if found.ok else 'not the complete dataset'}"]
    for label, names in (("missing", found.missing), ("extra", found.extra)):
        lines += [f"{label}: {name}" for name in names]
    return lines + [f"wrong: {text}" for text in found.wrong]
