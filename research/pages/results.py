"""Makes the sample of a results repository in ``results/``: two labs, three systems, four pages.

``python -m research.pages.results``; restored pictures are left out, so that bundles stay small."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import defocus
from defocus.extras.labs.signing import public_key, signing_key
from defocus.pictures.write import write_image
from defocus.storage.files import make_folder, write_text
from research.pages import DOCS

FOLDER = DOCS / "results"
PAGES = (
    "circle-02-0",
    "circle-04-0",
    "circle-06-0",
    "circle-08-0",
)
SUBMITTED = {"Lens lab": ("input", "defocus-s"), "Signal lab": ("input", "wiener")}
TITLE = "A sample: pages of text out of focus"
ROWS, COLUMNS = slice(0, 128), slice(0, 192)


def main() -> None:
    """Make the repository again."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_pages(work / "pages" / "test")
        study = (
            "--dataset",
            "pairs:pages",
            "--keep-outputs",
            "--out",
            "study",
        )
        bench(work, "run", "--only", "input", "--only", "wiener", *study)
        bench(work, "evaluate", "defocus-s", "--weights", "own", *study)
        keys = [submit(work, lab, names) for lab, names in SUBMITTED.items()]
        shutil.rmtree(FOLDER / "bundles", ignore_errors=True)
        shutil.move(work / "bundles", FOLDER / "bundles")
    lines = [f'title = "{TITLE}"', "", "[labs]", *keys]
    write_text(FOLDER / "repository.toml", "\n".join(lines) + "\n")
    bench(FOLDER.parent, "labs", "check", FOLDER.name)


def write_pages(folder: Path) -> None:
    """Parts of four pages, as a dataset of pairs."""
    for pair in defocus.open_dataset("text:").split("test"):
        if pair.id in PAGES:
            members = {"blurry": pair.blurry, "sharp": pair.sharp}
            for member, picture in members.items():
                path = make_folder(folder / member) / f"{pair.id}.png"
                write_image(path, picture[ROWS, COLUMNS])


def submit(work: Path, lab: str, systems: tuple[str, ...]) -> str:
    """Write a lab's bundle; returns the line of its key."""
    name = lab.lower().replace(" ", "-")
    key = work / f"{name}.key"
    bundle = work / "bundles" / name / "2026-11.zip"
    make_folder(bundle.parent)
    only: list[str] = []
    for system in systems:
        only += ["--only", system]
    words = (
        "--as",
        str(bundle),
        "--lab",
        lab,
        "--key",
        str(key),
        "--hashes-only",
    )
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
        check=True,
    )
    bench(work, "labs", "submit", "--out", "study", *only, *words)
    return f'"{lab}" = "{public_key(signing_key(key))}"'


def bench(folder: Path, *words: str) -> None:
    """Run a command of the benchmark in a folder."""
    subprocess.run(
        [sys.executable, "-m", "defocus.benchmark", *words],
        cwd=folder,
        check=True,
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
