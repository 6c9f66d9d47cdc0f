"""Staging folders: gone at the end, removed after a kill, never taken from a living process."""

import contextlib
import errno
import multiprocessing
import os
import shutil
import time
from pathlib import Path

import pytest

from defocus.storage.staging import (
    folder_of_program,
    remove_abandoned,
    replace_folder,
    settle_replaced,
    staging_folder,
)


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def stay(parent: Path) -> None:
    with staging_folder(parent, ".made-", ".part") as folder:
        (folder / "a").write_text("half")
        time.sleep(60)


def test_a_removal_that_fails_once_leaves_nothing(tmp_path, monkeypatch):
    too_many = [OSError(errno.EMFILE, "Too many open files")]
    list_folder = os.scandir

    def failing_once(place: object) -> object:
        if too_many:
            raise too_many.pop()
        return list_folder(place)  # type: ignore[call-overload]

    with staging_folder(tmp_path, ".made-") as folder:
        (folder / "a").write_text("made")
        monkeypatch.setattr(os, "scandir", failing_once)
    assert not too_many
    assert names(tmp_path) == set()


def test_a_folder_that_cannot_be_removed_is_replaced_whole(tmp_path, monkeypatch):
    for name in ("made", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").write_text(name)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    replace_folder(tmp_path / "made", tmp_path / "new")
    assert (tmp_path / "made" / "one").read_text() == "new"
    monkeypatch.undo()
    (tmp_path / "new").mkdir()
    replace_folder(tmp_path / "made", tmp_path / "new")
    assert names(tmp_path) == {"made"}


@pytest.mark.parametrize("replaced", [False, True])
def test_a_replacement_that_was_killed_leaves_the_earlier_or_the_new_folder(
    tmp_path, monkeypatch, replaced
):
    for name in ("made", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").write_text(name)
    rename, calls = Path.rename, []

    def killed(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == 2 and not replaced:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    with contextlib.suppress(KeyboardInterrupt):
        replace_folder(tmp_path / "made", tmp_path / "new")
    monkeypatch.undo()
    settle_replaced(tmp_path / "made")
    assert (tmp_path / "made" / "one").read_text() == ("new" if replaced else "made")
    assert names(tmp_path) == ({"made"} if replaced else {"made", "new"})
    settle_replaced(tmp_path / "made")
    assert (tmp_path / "made").is_dir()


def test_the_folder_of_a_killed_program_goes_when_another_has_one(tmp_path):
    left = tmp_path / ".cache-abcdefgh"
    left.mkdir()
    mine = folder_of_program(tmp_path, ".cache-")
    assert names(tmp_path) == {mine.name}
    remove_abandoned(tmp_path, ".cache-")
    assert names(tmp_path) == {mine.name}, "this program lives"


@pytest.mark.full
def test_a_killed_process_leaves_nothing_for_long(tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=stay, args=(tmp_path,)
    )
    process.start()
    while not list(tmp_path.glob("*/a")):
        time.sleep(0.01)
    left = names(tmp_path)
    with staging_folder(tmp_path, ".made-", ".part") as own:
        assert names(tmp_path) == {*left, own.name}, "it lives, so it stays"
    process.kill()
    process.join()
    assert names(tmp_path) == left
    with staging_folder(tmp_path, ".made-", ".part") as own:
        assert names(tmp_path) == {own.name}
    assert names(tmp_path) == set()


def test_only_our_own_names_are_removed(tmp_path):
    (tmp_path / "target").mkdir()
    for name in (
        ".made-mine.part",
        ".made-abcdefgh",
        ".made-a-abcdefgh.part",
        "made-abcdefgh.part",
    ):
        (tmp_path / name).mkdir()
    (tmp_path / ".made-filefile.part").write_text("a file")
    (tmp_path / ".made-linklink.part").symlink_to(tmp_path / "target")
    before = names(tmp_path)
    (tmp_path / ".made-abcdefgh.part").mkdir()
    remove_abandoned(tmp_path, ".made-", ".part")
    assert names(tmp_path) == before


def test_a_renamed_folder_stays(tmp_path):
    with staging_folder(tmp_path, ".made-") as folder:
        (folder / "a").write_text("whole")
        folder.rename(tmp_path / "made")
    assert (tmp_path / "made" / "a").read_text() == "whole"
