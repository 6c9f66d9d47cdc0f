"""The board of a repository of 1000 bundles: seconds alone, as nothing is its peer."""

import itertools

from defocus.benchmark.bundles.repository.board import write_board
from tests.benchmark.many_bundles import make_repository
from tests.speed.case import Case, Work, new_folder


def _board() -> Work:
    folder, numbers = new_folder(), itertools.count()
    repository = make_repository(folder / "repository", 1000)
    return lambda: write_board(repository, folder / f"board-{next(numbers)}")


CASES = (Case("board", _board, note="1000 bundles"),)
