"""Scores of given pictures, kept in the cache by what they rest on: a stopped command goes on."""

import contextlib
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from defocus.benchmark.evaluation.versions import (
    evaluation_version,
    facts_hash,
    metric_facts,
)
from defocus.benchmark.external_results.matching import Crop, Subject
from defocus.benchmark.scoring.score import PairScorer
from defocus.cache import cache_folder, keeping
from defocus.datasets.pair_files import pair_files
from defocus.pictures.values import READING_REVISION
from defocus.storage.files import make_folder, sha256_file, write_bytes

T = TypeVar("T")


def kept(key: str, kind: "TypeAdapter[T]") -> T | None:
    """The content that is kept under a key, if it is whole."""
    with contextlib.suppress(OSError, ValueError):
        return kind.validate_json(_file(key).read_bytes())
    return None


def keep(key: str, kind: "TypeAdapter[T]", value: T) -> None:
    """Keep a value under a key; a cache that cannot be written keeps nothing."""
    with keeping():
        make_folder(_file(key).parent)
        write_bytes(_file(key), kind.dump_json(value))


def _file(key: str) -> Path:
    return cache_folder() / "scores" / key[:2] / f"{key}.json"


def key_of(
    scorer: PairScorer,
    crop: Crop | None,
    subject: Subject,
    *given: object,
) -> str:
    """Hash of everything that the scores of a picture rest on, with ``given``."""
    profile, estimator = scorer.profile, scorer.estimator
    version = evaluation_version(profile, estimator.name, estimator.weights_sha256)
    pair = subject.pair
    files = {"sharp": subject.sharp} if pair is None else pair_files(pair)
    hashes = {
        role: sha256_file(file) for role, file in files.items() if file is not None
    }
    known = (
        None if pair is None else [pair.id, pair.scene, dict(pair.metadata), pair.white]
    )
    read = [READING_REVISION, crop, hashes, known]
    return facts_hash([version, metric_facts(scorer.metrics), read, *given])
