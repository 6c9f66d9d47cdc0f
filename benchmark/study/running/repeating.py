"""``--again``: repeat a finished training and keep the old one aside, in ``before-1`` and so on.

A file in the run's folder says that the run is to be repeated. It stays until the repeated run is
stored, so that a killed process continues the repetition; the store keeps the old scores until
then.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from defocus.benchmark.results.provenance import package_version
from defocus.benchmark.results.run_folder import AGAIN, is_repeated, run_folder
from defocus.benchmark.results.store import Entry
from defocus.benchmark.study.plan import Study
from defocus.errors import InputError
from defocus.files import make_folder, write_json
from defocus.progress import counted, say
from defocus.reading import read_json
from defocus.training.record.folder import training_finished

__all__ = ["ask_again", "begin_again", "tell_versions"]

ASIDE = "before-"


def ask_again(studies: Sequence[Study], *, evaluated: bool = True) -> None:
    """Request the repetition of all finished trainings; an unfinished request continues."""
    trained = [(study, run) for study in studies for run in study.runs if run.recipe is not None]
    folders = [run_folder(study.out, run.id) for study, run in trained]
    finished = [folder for folder in folders if training_finished(folder)]
    open_ = [one for one in folders if is_repeated(one) and (evaluated or one not in finished)]
    if open_:
        say(f"--again: the repetition of {counted(len(open_), 'run')} that was started continues")
        return
    for folder in finished:
        write_json(folder / AGAIN, {"aside": "", "moved": False})
    if not finished:
        say("--again: there is no finished training yet, so nothing is repeated")


def begin_again(folder: Path) -> None:
    """Set the old training of a run aside if its repetition was requested and has not begun."""
    if not is_repeated(folder):
        return
    name, moved = _read(folder / AGAIN)
    if moved:
        return
    if not name:
        taken = sum(path.name.startswith(ASIDE) for path in folder.iterdir())
        name = f"{ASIDE}{taken + 1}"
        write_json(folder / AGAIN, {"aside": name, "moved": False})
    aside = make_folder(folder / name)
    for path in sorted(folder.iterdir()):  # also those that a killed process has left
        if path.name != AGAIN and not path.name.startswith(ASIDE):
            path.rename(aside / path.name)
    write_json(folder / AGAIN, {"aside": name, "moved": True})
    say(f"{folder.name}: trained again; the earlier training is kept in {aside}")


def tell_versions(entries: Iterable[Entry], runs: Iterable[str]) -> None:
    """Report on stderr which runs were trained by other versions of this package."""
    asked, now = set(runs), package_version()
    found = Counter(entry.code for entry in entries if entry.run in asked and entry.code)
    for code, number in sorted(found.items()):
        if code != now:
            say(
                f"{counted(number, 'run')} trained by {code}, this is {now}; '--again' repeats the "
                "training"
            )


def _read(path: Path) -> tuple[str, bool]:
    try:
        document = read_json(path)
        name, moved = str(document["aside"]), bool(document["moved"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); delete it to keep the existing training"
        ) from error
    if name and (Path(name).name != name or not name.startswith(ASIDE)):
        raise InputError(f"{path}: names the folder {name!r}; delete the file")
    return name, moved
