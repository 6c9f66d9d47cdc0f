"""Open a dataset by its address: ``READER:PATH``, ``sample`` or ``sample:strong``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from defocus.datasets.layouts.published_set import Completeness
from defocus.datasets.pair import Dataset, ReaderCard
from defocus.errors import DatasetError, DefocusError
from defocus.near_names import did_you_mean
from defocus.plugins.discovery import Kind, Offer, Shape
from defocus.plugins.extensions import guarded
from defocus.progress import warn_once


@dataclass(frozen=True)
class Reader:
    """Opens datasets as ``NAME:PATH``; a plug-in file can define one with this type.

    Readers of the package and of entry points are modules with ``read`` and optionally ``CARD`` and
    ``check``. A plug-in file with these functions is a reader with the file's name.

    Attributes:
        name: Name before the colon.
        read: Reads the folder, or a mapping file, and returns the dataset, which
            :func:`defocus.opened` makes. It raises :class:`~defocus.errors.DatasetError` where the
            folder holds no such dataset.
        card: Facts about its datasets; None if there are none.
        check: Reports what a copy lacks; None if the complete contents are unknown.
        description: One line for ``defocus-data list``.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import defocus
        >>> from PIL import Image
        >>> def read(folder):
        ...     pair = defocus.Pair("desk", "desk", "test", folder / "desk.png")
        ...     return defocus.opened("albums", folder, (pair,))
        >>> albums = defocus.Reader("albums", read)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (32, 24)).save(f"{folder}/desk.png")
        ...     len(albums.read(Path(folder)).pairs)
        1
    """

    name: str
    read: Callable[[Path], Dataset]
    card: ReaderCard | None = None
    check: Callable[[Path], Completeness] | None = None
    description: str = ""


READERS: Kind[Reader] = Kind(
    "readers",
    Shape(lambda: Reader, function="read", marks_file=True),
    "defocus.datasets.readers",
    word="dataset reader",
)

SAMPLE = "sample"
FILES = {"stream": (".toml", ".json"), "parquet": (".toml", ".parquet")}
"""Suffixes of the files that a reader opens instead of a folder. Readers that are not named here
open mapping files, ``.toml``."""
RENDERED_ALONE = ("stream:", "text:")
"""Addresses without a folder: a stream without photographs, pages of text."""


def open_dataset(text: str, *, damaged: bool = False) -> Dataset:
    """Open ``sample``, ``sample:NAME``, ``READER:PATH`` or ``READER@NAME`` (with a sidecar)."""
    # PATH is a folder, or a mapping file that describes one; ``stream:`` needs none and takes a
    # lens file too, ``text:`` has none. ``damaged`` is for work that leaves pairs out by name: a
    # pair with a damaged file, or with two sizes, stays, and what the reader left out is not said.
    if is_corrected(text):
        from defocus.datasets.sidecar import corrected, noted_place

        dataset, sidecar = noted_place(text)
        return corrected(text, open_dataset(dataset, damaged=damaged), sidecar)
    name, place = _parted(text)
    opened = reader(name).read(place)
    if not isinstance(opened, Dataset):
        raise DatasetError(
            f"the reader '{name}' gives {type(opened).__name__}; let it return defocus.opened(…)"
        )
    from defocus.datasets.opening import require_one_size, sound_pairs
    from defocus.datasets.pair_files import learnt_hash, picture_hashes

    opened = replace(opened, pairs=sound_pairs(name, opened.pairs, opened.left_out))
    if not opened.learnt_hash and opened.endless is None:
        hashes = picture_hashes(opened.root, opened.pairs)
        opened = replace(opened, learnt_hash=learnt_hash(opened.pairs, hashes))
    if not damaged:
        require_one_size(opened.pairs)
        for one in opened.without():
            warn_once(f"pair {one.id} is left out: {one.reason}")
    return opened


def check_dataset(text: str) -> Completeness | None:
    """Missing and extra files in a copy of a known dataset; None for a user's own dataset."""
    name, place = _parted(text)
    check = reader(name).check
    return None if check is None else check(place)


def is_corrected(text: str) -> bool:
    """Whether a name is ``READER@NAME``; a path may contain ``@`` too."""
    return "@" in text and ":" not in text


def _parted(text: str) -> tuple[str, Path]:
    """Split a typed address into reader and path."""
    if is_corrected(text):
        from defocus.datasets.sidecar import noted_place

        text, _ = noted_place(text)
    name, _, place = text.partition(":")
    if name == SAMPLE or text in RENDERED_ALONE:
        return name, Path(place)
    if not place:
        raise _no_dataset(text)
    reader(name)
    path = Path(place).expanduser().absolute()
    described = FILES.get(name, (".toml",))
    if not path.is_dir() and not (path.is_file() and path.suffix.lower() in described):
        raise DatasetError(f"{path}: no such dataset folder; check the path")
    return name, path


def _no_dataset(text: str) -> DatasetError:
    """The refusal of a text that names no dataset, with what may have been meant."""
    from defocus.datasets.sample import VARIANTS

    names = [one.dataset for one in VARIANTS]
    hint = did_you_mean(text, names, most=1)
    if ":" not in text and Path(text).is_dir():
        hint = f"did you mean 'manifest:{text}' or another READER:{text}?"
    readers = ", ".join(reader_names())
    among = f"give {', '.join(names)} or READER:PATH with a reader of {readers}"
    return DatasetError(f"'{text}' is not a dataset: {hint or among}")


def reader_names() -> list[str]:
    """Names of all readers, including those of plug-ins, sorted."""
    return sorted(READERS.offers())


def reader(name: str) -> Reader:
    """The reader with that name; an unknown name is a ``DatasetError``."""
    offers = READERS.offers()
    one = _reader_of(offers[name]) if name in offers else None
    if one is None:
        raise DatasetError(READERS.unknown(name, offers.keys() - {name}))
    return one


def reader_card(name: str) -> ReaderCard:
    """The card of the datasets that a reader opens; an unknown reader is a ``DatasetError``."""
    one = reader(name)
    return one.card or _unknown(name, one.read.__module__)


def card_of(dataset: Dataset) -> ReaderCard:
    """The card of a dataset, or of the published one that it was made from."""
    return reader_card(dataset.source or dataset.name.partition(":")[0])


def _unknown(name: str, place: str) -> ReaderCard:
    """The card of a reader without one."""
    return ReaderCard(
        name, source=f"reader of {place}", licence="unknown", redistributable=False
    )


def _reader_of(offer: Offer) -> Reader | None:
    """The reader of an offer; None, after a warning, where it is broken."""
    thing = READERS.thing(offer)
    if thing is None:
        return None
    one = (
        replace(thing, name=offer.name)
        if isinstance(thing, Reader)
        else _of_module(offer, thing)
    )
    if offer.plugin is None:
        return one
    return replace(
        one,
        read=guarded(offer.plugin, f"reader {one.name!r}", one.read, (DefocusError,)),
        card=one.card or _unknown(one.name, offer.plugin.path.name),
    )


def _of_module(offer: Offer, module: Any) -> Reader:  # noqa: ANN401 - a module with ``read``
    """Make a reader from a module with ``read`` and optionally ``CARD`` and ``check``."""
    first_line, _, _ = (module.__doc__ or "").strip().partition("\n")
    return Reader(
        offer.name,
        getattr(module, "read", module),
        getattr(module, "CARD", None),
        getattr(module, "check", None),
        first_line.partition(" - ")[2] or first_line,
    )


@dataclass(frozen=True)
class DatasetKind:
    """A kind of DATASET on a command line."""

    name: str  # ``sample``, ``sample:strong``, …, or ``READER:DIR``
    description: str
    layout: str  # ``unverified`` if a mapping file may be needed, else ``verified``
    redistributable: bool  # whether a release may contain the pictures


def dataset_kinds() -> list[DatasetKind]:
    """The variants of the sample dataset, then all readers."""
    from defocus.datasets.sample import VARIANTS

    kinds = [
        DatasetKind(variant.dataset, variant.summary, "verified", redistributable=True)
        for variant in VARIANTS
    ]
    for name, offer in sorted(READERS.offers().items()):
        one = None if name == SAMPLE else _reader_of(offer)
        if one is None:
            continue
        card = one.card or _unknown(name, one.read.__module__)
        kinds.append(
            DatasetKind(
                f"{name}:DIR",
                one.description or card.title,
                "unverified" if card.unverified else "verified",
                card.redistributable,
            )
        )
    return kinds
