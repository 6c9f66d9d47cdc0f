"""Last step of every reader: pairs of files become a dataset with hashes."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from defocus.cache import derived_folder
from defocus.datasets.pair import SPLITS, Dataset, Pair, Split, attempt_each, remaining
from defocus.datasets.pair_files import (
    content_hash,
    files_of,
    hashes_and_faults,
    legal_id,
    pair_files,
    read_array,
)
from defocus.errors import DatasetError, ImageError
from defocus.pictures.headers import is_plain, picture_size, stated_bits
from defocus.pictures.raw import all_raw, raw_size
from defocus.pictures.read import read_image, read_integers, sizes_differ
from defocus.pictures.remarks import (
    asked_white,
    said_of_file,
    said_of_pixels,
    white_question,
    white_words,
)
from defocus.pictures.values import (
    FOURTEEN_BITS,
    FULL,
    deep_white,
    known_white,
    largest_value,
    without_alpha,
)
from defocus.processes.isolation import LeftOut
from defocus.progress import several, warn_once

SHOWN_ROLES = ("sharp", "truth", "dual_pixel_left", "dual_pixel_right")


def opened(
    reader: str,
    root: Path,
    pairs: tuple[Pair, ...],
    *,
    source: str = "",
    left_out: Sequence[LeftOut] = (),
) -> Dataset:
    """Make a dataset of pairs with files in a folder; files are hashed on first use.

    A pair of which a file cannot be hashed is left out by name.

    Args:
        reader: Name of the reader.
        root: The folder.
        pairs: Pairs, sorted by id.
        source: See :class:`defocus.datasets.pair.Dataset`.
        left_out: Pairs that are left out already.

    Returns:
        The dataset, without pairs that were left out.

    Raises:
        DatasetError: There is no pair, one cannot be used, two have one id, or no pair is whole.
        StorageError: The cache cannot be written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import defocus
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as name:
        ...     picture = Path(name) / "desk.png"
        ...     Image.new("RGB", (32, 24)).save(picture)
        ...     pair = defocus.Pair("desk", "desk", "test", picture, sharp=picture)
        ...     dataset = defocus.opened("albums", Path(name), (pair,))
        >>> dataset.total, dataset.pairs[0].white
        (1, 65535)
    """
    name = f"{reader}:{root.name}"
    pairs = with_white(name, sound_pairs(reader, pairs, left_out))
    hashes, faults = hashes_and_faults(root, files_of(pairs))
    whole, faulty = _parted(pairs, faults)
    lacking = (*left_out, *faulty)
    if lacking and not whole:
        raise DatasetError(f"{root}: no pair is whole; {lacking[0].reason}")
    content = content_hash(whole, hashes)
    return Dataset(
        name,
        root,
        whole,
        content,
        derived=derived_folder(content),
        rendered=all(pair.truth is not None for pair in whole),
        source=source,
        left_out=lacking,
    )


def _parted(
    pairs: Sequence[Pair], faults: Mapping[Path, DatasetError]
) -> tuple[tuple[Pair, ...], tuple[LeftOut, ...]]:
    """The pairs whose files could all be hashed, and the others."""
    whole = []
    left_out = []
    for pair in pairs:
        faulty = [path for path in pair_files(pair).values() if path in faults]
        if faulty:
            left_out.append(LeftOut(pair.id, str(faults[faulty[0]])))
        else:
            whole.append(pair)
    return tuple(whole), tuple(left_out)


def with_white(name: str, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Pairs that know their white; an unusual white is reported once."""
    unknown = [pair for pair in pairs if pair.white is None]
    if not unknown:
        return pairs
    sharp = [pair.sharp for pair in unknown if pair.sharp is not None]
    reading = reading_of_files([pair.blurry for pair in unknown], sharp)
    for remark in reading.remarks:
        warn_once(f"{name}: {remark}")
    known = []
    for pair in pairs:
        if pair.white is None:
            pair = replace(pair, white=reading.white)
        known.append(pair)
    return tuple(known)


@dataclass(frozen=True)
class FilesReading:
    """How pictures that belong together are read: their white, and remarks."""

    white: int = FULL
    remarks: tuple[str, ...] = ()


def reading_of_files(*groups: Sequence[Path]) -> FilesReading:
    """How the pictures of a dataset are read, by a few files of each group, evenly spread."""
    # A group is what was stored in one way, such as the blurry members of all pairs.
    remarks: dict[str, None] = {}
    brightest = []
    for files in filter(None, groups):
        sample = _sample(files, _SAMPLES // len(groups))
        brightest.append(_brightest_of(sample, remarks))
    deep = [one for one in brightest if one.largest]
    most = max((one.largest for one in deep), default=0)
    white = deep_white(most)
    if white < FULL:
        words = f"{white.bit_length()} bits in 16: {white_words(most, white)}"
        remarks[words] = None
    elif deep:
        darkest = min(deep, key=lambda one: one.largest)
        remarks[darkest.question(most)] = None
    return FilesReading(white, tuple(filter(None, remarks)))


@dataclass(frozen=True)
class _Brightest:
    """The largest value of the pictures of 16 bits in a group of files, and where it is."""

    largest: int = 0
    name: str = ""

    def question(self, most: int) -> str:
        """What is asked about these values where those of other files reach ``most``."""
        asked = asked_white(self.largest)
        if not asked:
            return ""
        if asked != asked_white(most):
            words = white_question(self.largest)
            return f"{self.name}: {words} Other pictures reach {most}"
        stated = f"state white = {asked} in a mapping file or the manifest"
        return f"{white_question(most)} If they are, {stated}"


def _brightest_of(sample: Sequence[Path], remarks: dict[str, None]) -> _Brightest:
    """Where the largest value of 16 bits is; what there is to say of the files is added."""
    # Decoded are the first file, those that by their header may be no plain colours or of which
    # something is said, and those of 16 bits until one shows that all bits are in use, which is the
    # first in most datasets. Of a file that is refused nothing else is said.
    brightest = _Brightest()
    for number, path in enumerate(sample):
        if all_raw(path):
            remarks |= dict.fromkeys(_said_of_raw(path))
            continue
        said = said_of_file(path)
        if number > 0 and not said and not _may_tell(path, brightest):
            continue
        with contextlib.suppress(ImageError):  # named by who reads it
            stored = read_integers(path)
            remarks |= dict.fromkeys((*said, *said_of_pixels(stored)))
            if stored.dtype == np.uint16 and known_white(path) is None:
                largest = largest_value(without_alpha(stored))
                if largest > brightest.largest:
                    brightest = _Brightest(largest, path.name)
    return brightest


def _said_of_raw(path: Path) -> tuple[str, ...]:
    """The remarks on a RAW file; none if it is refused."""
    said = said_of_file(path)
    try:
        if said:
            raw_size(path)
    except ImageError:  # named by who reads it
        return ()
    return said


def _may_tell(path: Path, brightest: _Brightest) -> bool:
    """Whether decoding a file may show more than its header and the files before it."""
    dim = brightest.largest <= FOURTEEN_BITS
    return not is_plain(path) or (dim and stated_bits(path) == 16)


def _sample(files: Sequence[Path], most: int) -> list[Path]:
    """A few of the files, evenly spread; no pipes, which never end."""
    number = min(len(files), most)
    sample = []
    for index in range(number):
        path = files[index * len(files) // number]
        if path.is_file():
            sample.append(path)
    return sample


_SAMPLES = 16
"""Number of a dataset's files that are looked at to find its white. Even the first one mostly shows
it."""


def sound_pairs(
    reader: str, pairs: Sequence[Pair], absent: Sequence[LeftOut]
) -> tuple[Pair, ...]:
    """A reader's pairs, with ids that name files; what no command can use is refused."""
    if not pairs and not absent:
        raise DatasetError(f"the reader '{reader}' gives no pairs; check the path")
    by_id: dict[str, Pair] = {}
    for pair in pairs:
        if problem := _problem(pair):
            raise DatasetError(
                f"the reader '{reader}' gives pair {pair.id!r:.60}: {problem}"
            )
        other = by_id.setdefault(name := legal_id(pair.id), pair)
        # names in folders can become one, as 'a/b-c' and 'a-b/c' do
        if other is not pair:
            raise DatasetError(
                f"{pair.blurry} and {other.blurry} are both pair '{name}'; rename one of them"
            )
    for name, pair in by_id.items():
        if name != pair.id:
            warn_once(f"ids become names of files: {pair.id!r} is {name}")
            return tuple(replace(one, id=new) for new, one in by_id.items())
    return tuple(pairs)


def _problem(pair: Pair) -> str:
    """Why a pair of a user's own reader cannot be used, and what to do; empty if it can."""
    for name in ("id", "scene"):
        if not isinstance(text := getattr(pair, name), str) or not text:
            return f"its {name} is {text!r:.60}; give a text"
    if pair.split not in SPLITS:
        return f"its split is {pair.split!r:.60}; give {', '.join(SPLITS[:-1])} or {SPLITS[-1]}"
    for role in ("blurry", *pair_files(pair)):
        if not isinstance(path := getattr(pair, role), Path):
            return f"its {role} file is of type {type(path).__name__}; give a Path"
    return ""


def require_one_size(pairs: Iterable[Pair]) -> None:
    """Refuse pairs whose pictures differ in size, by headers; the message names all ids."""
    wrong: dict[str, str] = {}
    size_of = cache(picture_size)
    for pair in pairs:
        for partner in (getattr(pair, role) for role in SHOWN_ROLES):
            if partner is None:
                continue
            first = size_of(pair.blurry)
            second = size_of(partner)
            if first and second and first != second:
                wrong.setdefault(
                    pair.id, sizes_differ(pair.blurry, first, partner, second)
                )
    if wrong:
        first_id, *others = wrong
        more = f"; sizes also differ in {several(others)}" if others else ""
        raise ImageError(wrong[first_id] + more)


def read_whole(pair: Pair) -> None:
    """Read every file of a pair, to check that it can be read and that sizes are equal."""
    require_one_size([pair])
    for path in pair_files(pair).values():
        if path.suffix == ".npy":
            read_array(path)
        else:
            read_image(path, pair.white)


def readable(dataset: Dataset, *splits: Split) -> Dataset:
    """The dataset, with pairs of some splits that cannot be read among those that are left out."""
    tried = [pair for pair in dataset.pairs if pair.split in splits]
    _, unread = attempt_each(tried, read_whole)
    pairs = tuple(remaining(dataset.pairs, unread))
    return replace(dataset, pairs=pairs, left_out=(*dataset.left_out, *unread))
