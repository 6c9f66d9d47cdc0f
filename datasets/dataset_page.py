"""Report page of a dataset: contents, capture settings, alignment and sample pairs."""

from collections import Counter
from collections.abc import Mapping, Sequence

from defocus.datasets.api import card_of
from defocus.datasets.audit.distributions import distributions
from defocus.datasets.audit.page import (
    audit_overlay,
    duplicates_parts,
    summary_table,
    warnings_part,
)
from defocus.datasets.audit.page_parts import BlurOf, blur_states
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.curation_rules import Usable
from defocus.datasets.pair import (
    SPLITS,
    Dataset,
    Pair,
    by_id,
    remaining,
    split_counts,
    without_empty,
)
from defocus.datasets.pair_files import files_of
from defocus.datasets.release.provenance import dropped_text, kinds, settings_of
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import bit_depth
from defocus.progress import counted, tally
from defocus.reports.model import Column, Facts, Page, Paragraph, Part, Slider, Table
from defocus.reports.pictures import eight_bits, small_picture

SAMPLES_OF_SPLIT = 4
PICTURE_SIDE = 900
MOST_SIZES = 4


def dataset_page(dataset: Dataset, audit: Audit, usable: Usable) -> Page:
    """Make the report of a dataset."""
    first, samples = _sample_parts(dataset, audit)
    scenes = {pair.scene for pair in dataset.pairs}
    return Page(
        title=f"Dataset {dataset.name}",
        notice="",
        sections=(
            ("At a glance", (*first, _glance(dataset, audit, usable))),
            *without_empty(samples).items(),
            ("Content", (_counts(dataset, audit),)),
            ("Taken with", (_settings(dataset.pairs),)),
            ("Warnings", (warnings_part(audit),)),
            ("Pairs", (summary_table(audit.pairs), *distributions(audit.pairs))),
            ("Pictures in two splits", duplicates_parts(audit)),
            ("Origin", (_origin(dataset),)),
        ),
        summary=f"{len(dataset.pairs)} pairs of {len(scenes)} scenes; {usable.words}",
    )


def _sample_parts(
    dataset: Dataset, audit: Audit
) -> tuple[tuple[Part, ...], dict[str, tuple[Part, ...]]]:
    """The first sample, which is shown above all, and the others by split."""
    rows = by_id(audit.pairs)
    blur_of = blur_states(dataset, audit)
    first: tuple[Part, ...] = ()
    samples = {}
    for split in SPLITS:
        pairs = remaining(dataset.split(split), audit.left_out)
        parts = tuple(_samples(pairs, rows, blur_of))
        if not first:  # it is shown above, and not again below
            first = parts[:1]
            parts = parts[1:]
        samples[f"Samples: {split}"] = parts
    return first, samples


def _glance(dataset: Dataset, audit: Audit, usable: Usable) -> Facts:
    """The numbers that a reader asks for first."""
    files = set(files_of(dataset.pairs))
    size = sum(path.stat().st_size for path in files if path.is_file())
    settings = dict(settings_of(dataset.pairs))
    facts = {
        "pairs": usable.words,
        "splits": tally(without_empty(split_counts(dataset.pairs))),
        "sizes": _sizes_text(audit),
        "files": f"{size / 1e6:.1f} MB",
        "camera": settings.get("camera", ""),
        "lens": settings.get("lens", ""),
        "terms": card_of(dataset).licence,
        "warnings": str(len(audit.warnings) or "none"),
        "left out before": dropped_text(dataset.steps),
    }
    return _known_facts("What it holds", facts)


def _sizes_text(audit: Audit) -> str:
    """The most frequent sizes of pictures, and how many others there are."""
    sizes = Counter(
        f"{row.width} × {row.height} px" for row in audit.pairs if row.width
    )
    shown = []
    for size, number in sizes.most_common(MOST_SIZES):
        pairs = counted(number, "pair")
        shown.append(f"{size} ({pairs})")
    more = len(sizes) - MOST_SIZES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _known_facts(title: str, facts: Mapping[str, str]) -> Facts:
    return Facts(title, tuple(without_empty(facts).items()))


def _origin(dataset: Dataset) -> Facts:
    card = card_of(dataset)
    pictures = [f"{kind} ({n} pairs)" for kind, n in kinds(dataset.pairs).items()]
    facts = {
        "title": card.title,
        "source": card.source,
        "terms": card.licence,
        "redistribution": "permitted" if card.redistributable else "not permitted",
        "cite": card.citation,
        "known defects": "; ".join(card.defects),
        "content": f"SHA-256 {dataset.content_hash}",
        "ground truth": "rendered, exact" if dataset.rendered else "the sharp pictures",
        "pictures": "; ".join(pictures),
    }
    return _known_facts("Origin", facts)


def _counts(dataset: Dataset, audit: Audit) -> Table:
    sizes = {
        row.id: f"{row.width}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{row.height}"
        for row in audit.pairs
        if row.width
    }
    rows = []
    for split in SPLITS:
        pairs = dataset.split(split)
        if pairs:
            whole = [pair for pair in pairs if pair.id in sizes]
            bits = ""
            if whole:
                bits = f"{bit_depth(read_image(whole[0].blurry, whole[0].white))} bit"
            common = Counter(sizes[pair.id] for pair in whole)
            rows.append(
                (
                    split,
                    float(len(pairs)),
                    float(len({pair.scene for pair in pairs})),
                    float(sum(pair.sharp is not None for pair in pairs)),
                    _common(common),
                    bits,
                )
            )
    columns = (
        "split", Column("blurry", decimals=0), Column("scenes", decimals=0),
        Column("with sharp", decimals=0), Column("size", "px"), "depth of the first",
    )  # fmt: skip
    return Table.of("Pairs by split", columns, rows)


def _common(counts: Counter[str]) -> str:
    """The most common value, and the number of others."""
    if not counts:
        return ""
    (value, _), *others = counts.most_common()
    return f"{value} and {counted(len(others), 'other size')}" if others else value


def _settings(pairs: Sequence[Pair]) -> Part:
    """Optics and exposures from the metadata of the pairs."""
    rows = settings_of(pairs)
    if not rows:
        return Paragraph(
            "The dataset does not say which optics and exposures it was taken with."
        )
    return Table.of("Settings, and how many pairs have them", ("what", "values"), rows)


def _samples(
    pairs: Sequence[Pair], rows: Mapping[str, AuditedPair], blur_of: BlurOf
) -> list[Part]:
    """Some pairs, evenly chosen from the split."""
    count = min(SAMPLES_OF_SPLIT, len(pairs))
    chosen = [pairs[k * len(pairs) // count] for k in range(count)]
    with_sharp = [pair for pair in chosen if pair.sharp is not None]
    if not with_sharp:
        return [Paragraph("These pictures have no sharp ones beside them.")]
    return [_slider(pair, rows.get(pair.id), blur_of) for pair in with_sharp]


def _slider(pair: Pair, row: AuditedPair | None, blur_of: BlurOf) -> Slider:
    assert pair.sharp is not None  # noqa: S101 - the caller has looked
    blurry, sharp = read_pair(pair.blurry, pair.sharp, pair.white)
    shown = eight_bits(small_picture(blurry, PICTURE_SIDE, PICTURE_SIDE))
    shown_sharp = eight_bits(small_picture(sharp, PICTURE_SIDE, PICTURE_SIDE))
    states = (
        ("blurry", shown),
        ("sharp", shown_sharp),
        *blur_of(pair.id, shown.shape[1::-1]),
    )
    overlay = audit_overlay(row, PICTURE_SIDE) if row else None
    return Slider(f"{pair.id}, scene {pair.scene}", states, overlay)
