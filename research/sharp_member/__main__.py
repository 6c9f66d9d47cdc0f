"""Says which planted faults of sharp members are found, and which good pairs are suspected.

``python -m research.sharp_member simulated DIR``: the simulated camera, as two folders and as a
card. ``… photographs SEED COUNT FOLDER…``: a session of photographs with strong faults, one with
weak ones, as many good pairs of walls, skies and nights, and two sessions of a dusty sensor.
``… weak-textures SEED COUNT FOLDER…``: the good pairs of walls, skies and nights alone."""

import argparse
from pathlib import Path

from defocus.pictures.read import IMAGE_SUFFIXES
from research.light import files_with
from research.sharp_member.photographs import (
    by_dusty_sensor,
    by_photographs,
    by_weak_textures,
)
from research.sharp_member.rates import say_rates
from research.sharp_member.simulated import STRENGTHS, by_audit, by_session, make_set


def simulated(folder: Path) -> None:
    """Make the sets of the simulated camera in a folder, and judge both ways."""
    for strength in STRENGTHS:
        root = folder / strength
        make_set(root, strength)
        say_rates(f"{strength}, pairs:", by_audit(root))
        say_rates(f"{strength}, session", by_session(root))


def photographs(seed: int, good: int, folders: list[Path]) -> None:
    """Judge sessions of the photographs of some folders."""
    files = _files(folders)
    for place, strength in enumerate(STRENGTHS):
        said = by_photographs(files, seed + place, good, strength)
        say_rates(f"{strength}, photographs", said)
    weak_textures(seed + len(STRENGTHS), good, folders)
    for strength in STRENGTHS:
        said = by_dusty_sensor(files, seed + len(STRENGTHS) + 1, good, strength)
        say_rates(f"{strength}, a dusty sensor", said)


def weak_textures(seed: int, good: int, folders: list[Path]) -> None:
    """Judge a session of walls, skies and nights made of the photographs of some folders."""
    said = by_weak_textures(_files(folders), seed, good)
    say_rates("weak textures", said)


def _files(folders: list[Path]) -> list[Path]:
    """The photographs of some folders."""
    files: list[Path] = []
    for folder in folders:
        files += files_with(IMAGE_SUFFIXES, folder)
    return sorted(files)


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    sets = words.add_subparsers(dest="set", required=True)
    first = sets.add_parser("simulated")
    first.add_argument("folder", type=Path)
    for name in ("photographs", "weak-textures"):
        session = sets.add_parser(name)
        session.add_argument("seed", type=int)
        session.add_argument("count", type=int)
        session.add_argument("folders", nargs="+", type=Path)
    given = words.parse_args()
    if given.set == "simulated":
        simulated(given.folder)
    elif given.set == "photographs":
        photographs(given.seed, given.count, given.folders)
    else:
        weak_textures(given.seed, given.count, given.folders)
