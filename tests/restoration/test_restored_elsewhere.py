"""Pictures restored in processes are those of one process, to the byte."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from defocus.baselines.registry import baseline
from defocus.cluster.dask_cluster import _connected
from defocus.errors import SettingsError
from defocus.processes.machines import Machines, Where
from defocus.restoration import run as module
from defocus.restoration.journal import JOURNAL, Restored
from defocus.restoration.restorer import restoring_weights
from defocus.restoration.run import CPU, RestoringWorkers, restore_pictures
from defocus.restoration.settings import RestoreSettings
from tests.command_process import start_command

pytestmark = pytest.mark.full

NAMES = ("a.png", "b.tif", "c.jpg", "d.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures, one that needs tiles, and a torn one."""
    (tmp_path / "in").mkdir()
    for number, name in enumerate(NAMES):
        size = (700, 700) if name == "d.png" else (90 + number, 120)
        noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "in" / name), cv2.GaussianBlur(noise, (0, 0), 2))
    (tmp_path / "in" / "torn.png").write_bytes(
        (tmp_path / "in" / "a.png").read_bytes()[:999]
    )
    return tmp_path / "in"


def restored(folder: Path, out: str, where: Where, **given: Any) -> list[Restored]:
    system = baseline("defocus-s")
    settings = RestoreSettings(out=folder.parent / out, tile=512, where=where, **given)
    return restore_pictures(
        [folder], system, restoring_weights(system, None), CPU, settings
    )


def journal(out: Path) -> Mapping[str, Any]:
    """The journal without the seconds."""
    entries = json.loads((out / JOURNAL).read_text())
    for entry in entries.values():
        entry.get("result", {}).pop("seconds", None)
    return {"names": list(entries), **entries}


def results(restorations: list[Restored], out: Path) -> list[Restored]:
    """Those of any folder, without the seconds."""
    return [
        replace(one, seconds=0.0, restored=one.restored.removeprefix(str(out)))
        for one in restorations
    ]


def compared(folder: Path, where: Where) -> None:
    """Restore here and there: pictures, journal, results and what is left out are the same."""
    ways = {"here": 1, "there": where}
    first, second = (
        results(restored(folder, name, way), folder.parent / name)
        for name, way in ways.items()
    )
    assert first == second
    assert [bool(one.reason) for one in second] == [False, False, False, False, True]
    assert second[3].tiles > 1
    here, there = (folder.parent / name for name in ways)
    assert journal(there) == journal(here)
    for name in NAMES:
        assert (there / name).read_bytes() == (here / name).read_bytes()
    again = restored(folder, "there", where)
    assert [one.seconds for one in again] == [0.0] * 5, (
        "what is finished is not repeated"
    )
    assert results(restored(folder, "there", 1), there) == results(again, there)


def test_processes_make_the_pictures_of_one(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compared(folder, 2)
    said = [line for line in capfd.readouterr().err.splitlines() if "left out" in line]
    assert len(said) == 4
    assert len(set(said)) == 1, "in the same words"


def test_a_worker_that_is_killed_changes_no_picture(
    folder: Path, two_workers: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = list(_connected(two_workers).run(os.getpid).values())
    each = module.each

    def disturbed(work: Any, items: Any, where: Any) -> Iterator[Any]:
        for result in each(work, items, where):
            if pids:
                os.kill(pids.pop(), signal.SIGKILL)
                pids.clear()
            yield result

    monkeypatch.setattr(module, "each", disturbed)
    compared(folder, two_workers)


def test_a_command_that_is_killed_goes_on_with_more_processes(
    folder: Path, run: Any
) -> None:
    out = folder.parent / "out"
    words = ("in", "--out", "out", "--baseline", "defocus-s", "--on", "2")
    with start_command("defocus-restore", *words, folder=folder.parent) as process:
        while not any("result" in one for one in entries(out).values()):
            assert process.poll() is None
        process.kill()
    before = {name: (out / name).stat().st_mtime_ns for name in done(out)}
    assert before
    run("defocus-restore", *words, code=2)
    assert set(done(out)) == set(NAMES)
    assert before == {name: (out / name).stat().st_mtime_ns for name in before}


def entries(out: Path) -> dict[str, Any]:
    text = (out / JOURNAL).read_text() if (out / JOURNAL).exists() else ""
    return dict(json.loads(text)) if text else {}


def done(out: Path) -> list[str]:
    return [name for name, entry in entries(out).items() if "result" in entry]


def test_a_machine_of_another_precision_is_refused(folder: Path) -> None:
    system, settings = baseline("defocus-s"), RestoreSettings(out=folder / "out")
    weights = restoring_weights(system, None)
    workers = RestoringWorkers("defocus-s", weights, 1e6, "float64", None, settings, {})  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"computes in .*, this machine in float64"):
        _ = workers.stages
