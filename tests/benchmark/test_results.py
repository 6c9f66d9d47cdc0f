"""The store: what comes back, one transaction per run, its errors."""

import contextlib
import sqlite3
from dataclasses import replace

import pytest

from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.dataset_facts import follow_dataset
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import (
    FORMAT,
    Cost,
    MetricVersion,
    open_results,
    read_results,
)
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import InputError, StorageError
from tests.benchmark.example_study import ENTRY

SCORES = [
    Score("default", "gt", "mae", "a", "a", 0.125),
    Score("default", "gt", "psnr", "a", "a", None, "dis", "why not"),
]
COSTS = [Cost("params_m", 1.5), Cost("seconds", None, "no clock")]


@pytest.mark.parametrize(
    ("places", "indoor", "outdoor"),
    [
        (("indoor", "outdoor"), 30.0, 20.0),
        (("outdoor", "outdoor"), None, 25.0),
        ((), None, None),
    ],
)
def test_scores_follow_what_a_dataset_says_of_its_pictures(
    tmp_path, places, indoor, outdoor
):
    """The content hash leaves places, scenes and the source open; the order of runs is kept."""
    stored = [
        *(
            Score("defocus-v1", "gt", "psnr", n, n, v)
            for n, v in (("a", 30.0), ("b", 20.0))
        ),
        *(Score("defocus-v1", "gt", "psnr_gain", n, n, 1.0) for n in "ab"),
        Score("defocus-v1", "gt", "psnr_indoor", "b", "b", 20.0),
    ]
    versions = [
        MetricVersion(name, "1", "v") for name in ("psnr", "psnr_gain", "psnr_indoor")
    ]
    entry = replace(ENTRY, weights="official", train_dataset="dpdd")
    facts = [{"place": place} for place in places] or [{}, {}]
    pairs = tuple(
        Pair(name, "s", "test", tmp_path / name, metadata=fact)
        for name, fact in zip("ab", facts, strict=True)
    )
    dataset = Dataset("manifest:mine", tmp_path, pairs, "0", tmp_path, source="dpdd")
    with open_results(tmp_path / "results.sqlite") as results:
        results.record(entry, stored, COSTS, versions)
        results.record(replace(ENTRY, run="net-2", data_hash="1"))
        for _ in range(2):  # the second time nothing is left to do
            follow_dataset(dataset, results)
            assert [one.run for one in results.entries()] == ["net-1", "net-2"]
            rows = {row.metric: row for row in leaderboard(results) if row.protocol}
            scores = [
                rows[name].value if name in rows else None
                for name in ("psnr", "psnr_indoor", "psnr_outdoor")
            ]
            assert scores == [25.0, indoor, outdoor]
            assert rows["psnr"].status.startswith("seen: "), (
                "the source is that of the weights"
            )
            assert rows["psnr"].scenes == 1
            assert {row.metric_version for row in rows.values()} == {"1"}
            assert results.costs("net-1") == COSTS


def test_a_record_that_breaks_leaves_the_old_one(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        results.record(ENTRY, SCORES, COSTS)
        with pytest.raises(InputError):
            results.record(ENTRY, [SCORES[0], SCORES[0]])
        assert results.scores("net-1") == SCORES
        assert results.entries() == [ENTRY]


def test_costs_are_stored_without_the_scores_that_are_there(tmp_path):
    with open_results(tmp_path / "results.sqlite") as results:
        results.record(ENTRY, SCORES, COSTS)
        results.record(replace(ENTRY, run="later"), SCORES, COSTS)
        before = results._connection.total_changes
        results.store_costs(ENTRY.run, [Cost("seconds", 0.25, measured_on="cpu")])
        assert results._connection.total_changes == before + 1, "one line is replaced"
        assert results.costs(ENTRY.run) == [
            COSTS[0],
            Cost("seconds", 0.25, measured_on="cpu"),
        ]
        assert results.scores(ENTRY.run) == SCORES
        assert [one.run for one in results.entries()] == [ENTRY.run, "later"]
        assert results.costs("later") == COSTS


def test_what_is_recorded_is_on_the_disk(tmp_path):
    """SQLite keeps confirmed runs through a power loss if it writes a log and syncs it."""
    with open_results(tmp_path / "results.sqlite") as results:
        asked = [f"PRAGMA {name}" for name in ("synchronous", "journal_mode")]
        assert [results._connection.execute(one).fetchone() for one in asked] == [
            (2,),
            ("wal",),
        ]


def test_opening_and_reading_changes_nothing(tmp_path):
    path = tmp_path / "results.sqlite"
    with open_results(path) as results:
        results.record(ENTRY, SCORES, COSTS)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with open_results(path) as results:
        results.entries()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == ["results.sqlite"]


def test_a_full_disk_is_a_storage_error(tmp_path, refused):
    with open_results(tmp_path / "results.sqlite") as results:
        results.record(ENTRY)
        results._connection.execute("PRAGMA max_page_count = 8")
        many = [
            Score("default", "gt", "mae", f"pair{k}", "a", 0.5) for k in range(2000)
        ]
        with refused(StorageError):
            results.record(ENTRY, many)
        assert results.scores("net-1") == []
        assert results.entries() == [ENTRY]
        # a row has some 90 bytes
        results._connection.execute("PRAGMA max_page_count = 50")
        results.record(ENTRY, many)


@pytest.mark.parametrize("version", [0, FORMAT + 1])
def test_a_store_of_another_format_is_refused_and_left_as_it_is(
    tmp_path, version, refused
):
    path = tmp_path / "results.sqlite"
    with open_results(path) as results:
        results.record(ENTRY, SCORES, COSTS)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    for opened in (open_results, read_results):
        with refused(InputError), opened(path):
            pass
    assert path.read_bytes() == before
