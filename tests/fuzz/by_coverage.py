"""``python -m tests.fuzz.by_coverage SECONDS [WORDS]``: readers fed with what reaches new code.

It needs ``pip install atheris``. Each reader whose name has the words gets so many seconds in a
process of its own. An input that breaks it is kept, and the other readers go on.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import DamagedReader, keep, take

ONE = "--reader"
"""Begins the words of the process of one reader."""

MOST_BYTES = 1 << 14
"""Longest inputs that are made: several times the whole files."""


def main() -> None:
    """Fuzz one reader, or start a process for each."""
    if sys.argv[1] == ONE:
        _fuzz(*sys.argv[2:])
        return
    from tests.fuzz.targets import all_targets

    seconds, words = sys.argv[1], " ".join(sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        names = [
            target.name for target in all_targets(Path(folder)) if words in target.name
        ]
    broken = 0
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz.by_coverage", ONE, name, seconds]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
        _say(f"{name}: {said[-1] if said else done.stdout + done.stderr}")
        broken += done.returncode != 0
    _say(f"{len(names)} readers, {broken} broken")
    sys.exit(broken > 0)


def _fuzz(name: str, seconds: str) -> None:
    """Feed one reader until the time is over or it breaks."""
    import atheris

    with atheris.instrument_imports(include=["defocus"]):
        from tests.fuzz.targets import all_targets
    with tempfile.TemporaryDirectory() as folder:
        root, corpus = Path(folder) / "files", Path(folder) / "corpus"
        root.mkdir()
        corpus.mkdir()
        (target,) = [one for one in all_targets(root) if one.name == name]
        for number, file in enumerate(target.files):
            (corpus / str(number)).write_bytes(bytes([number]) + file.read_bytes())
        limits = [f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}"]
        words = [sys.argv[0], *limits, f"-artifact_prefix={folder}/", str(corpus)]
        atheris.Setup(words, lambda data: _take(target, data))
        atheris.Fuzz()


def _take(target: DamagedReader, data: bytes) -> None:
    """Read with one file replaced; the first byte of the input says which."""
    file = target.files[data[0] % len(target.files)] if data else target.files[0]
    whole = file.read_bytes()
    content = target.kept(data[1:])
    try:
        take(target, file, content)
    except BaseException as error:
        _say(f"{error!r}, kept as {keep(target, file, content)}")
        raise
    file.write_bytes(whole)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
