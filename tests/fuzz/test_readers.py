"""Every reader takes damaged files for some inputs or seconds: an answer or one line, no more."""

import os
import warnings
from pathlib import Path

import pytest

from tests.fuzz.campaign import (
    DamagedReader,
    kept_content,
    kept_inputs,
    seed_of_today,
    take,
    tried,
)
from tests.fuzz.targets import all_targets

HOUR_S = 3600.0
"""From so many seconds on, the readers share them; fewer are for each."""


def campaign(root: Path, seconds: float | None) -> dict[str, int]:
    """Inputs tried by reader; the seed is printed."""
    seed = seed_of_today()
    print(f"DEFOCUS_FUZZ_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    only = os.environ.get("DEFOCUS_FUZZ_ONLY", "")
    targets = [target for target in all_targets(root) if only in target.name]
    share = seconds / len(targets) if seconds and seconds >= HOUR_S else seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = {target.name: tried(target, share, seed) for target in targets}
    for name, count in counts.items():
        print(f"{name}: {count} inputs")  # noqa: T201 - the table of a campaign, with -s
    return counts


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> dict[str, DamagedReader]:
    """The readers by their names."""
    return {one.name: one for one in all_targets(tmp_path_factory.mktemp("targets"))}


@pytest.mark.parametrize(
    "path", kept_inputs(), ids=lambda path: "/".join(path.parts[-3:])
)
def test_what_broke_a_reader_once_does_not_again(path, targets):
    target = targets[path.parts[-3]]
    (file,) = [one for one in target.files if one.name == path.parts[-2]]
    whole = file.read_bytes()
    try:
        take(target, file, kept_content(path))
    finally:
        file.write_bytes(whole)


@pytest.mark.full
def test_damaged_files_end_in_an_answer_or_a_line(tmp_path, cache_folder, capfd):
    asked = os.environ.get("DEFOCUS_FUZZ_SECONDS")
    counts = campaign(tmp_path, float(asked) if asked else None)
    assert min(counts.values()) > 0
    output = capfd.readouterr()
    with capfd.disabled():
        print(output.out)  # noqa: T201 - the seed and the table, with -s or without
    for library in ("libpng", "libjpeg", "Corrupt JPEG", "TIFFRead", "tifffile"):
        assert library not in output.err
