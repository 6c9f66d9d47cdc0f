"""A disk that fills, and folders of FUSE: verbs that write much, where a disk can be mounted."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.failing.test_storage import left_behind, problems_of
from tests.failing.trials import Undisturbed, differences, undisturbed, verb_called
from tests.failing.warm_process import Fault
from tests.verbs import Verb

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

WRITING = (
    "data package pairs:pairs",
    "data compensate pairs:pairs",
    "restore portrait.png --out",
    "data import session",
    "data audit pairs:.",
)

FREE_KIB = (8, 96)
"""What a disk has left: too little for the first record, and for the pictures."""

DISK_IS_FULL = Fault("write", 0)
"""No single operation: from some moment on every one fails."""


@contextmanager
def mounted(place: Path, command: Sequence[str]) -> Iterator[None]:
    """Mount something on a folder; the test skips where that is not permitted."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no permission to mount: {tried.stderr.strip()}")
    try:
        yield
    finally:
        # lazily: a process that ends late may still stand in it
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def resize(place: Path, kib: int) -> None:
    """Give a mounted disk in memory another size."""
    subprocess.run(["mount", "-o", f"remount,size={kib}k", str(place)], check=True)


@pytest.fixture(scope="module", params=WRITING)
def verb(request) -> Verb:
    return verb_called(request.param)


@pytest.fixture(scope="module")
def whole(verb, trial_bench) -> Undisturbed:
    """What the verb does on an ordinary disk."""
    return undisturbed(verb, trial_bench)


def test_a_disk_that_fills_is_told_and_the_same_command_goes_on(
    verb, whole, trial_bench
):
    place = trial_bench.place
    with mounted(
        place, ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    ):
        for free_kib in FREE_KIB:
            trial_bench.fresh()
            used_kib = shutil.disk_usage(place).used // 1024
            resize(place, used_kib + free_kib)
            trial = trial_bench.run(verb)
            resize(place, 64 * 1024)
            assert list(problems_of(trial, DISK_IS_FULL, whole.trial)) == []
            assert trial.code in {5, whole.trial.code}, trial.said
            found = left_behind(verb, trial_bench, DISK_IS_FULL, trial, whole)
            assert list(found) == [], trial.said


OPTIONS = ((), ("--chmod-deny", "--chown-deny", "--xattr-none"))
"""A folder as it is, and one as disks of cameras and other systems are."""


@pytest.mark.skipif(
    shutil.which("bindfs") is None, reason="needs the Debian package bindfs"
)
@pytest.mark.parametrize("options", OPTIONS, ids=["as-it-is", "without-modes"])
def test_a_folder_of_fuse_gets_the_same_bytes(
    verb, whole, options, trial_bench, tmp_path
):
    place = trial_bench.place
    shutil.copytree(trial_bench.prepared, tmp_path / "behind")
    with mounted(place, ["bindfs", *options, str(tmp_path / "behind"), str(place)]):
        trial = trial_bench.run(verb)
        found = differences(trial, {whole.trial.code}, trial_bench.content(), whole)
        assert list(found) == [], trial.said
