"""Scores of given pictures, kept in the cache by what they rest on: a stopped command goes on."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import TypeAdapter

from defocus.benchmark.evaluation.versions import evaluation_version
from defocus.benchmark.external_results.matching import Crop, Subject
from defocus.benchmark.scoring.score import PairScorer
from defocus.cache import cache_folder, keeping
from defocus.datasets.pair_files import pair_files
from defocus.files import make_folder, sha256_file, write_bytes

T = TypeVar("T")


def kept(key: str, kind: "TypeAdapter[T]", compute: Callable[[], T]) -> T:
    """What is kept under a key, or what is computed now, and kept."""
    path = cache_folder() / "scores" / key[:2] / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        return kind.validate_json(path.read_bytes())
    value = compute()
    with keeping():
        make_folder(path.parent)
        write_bytes(path, kind.dump_json(value))
    return value


def key_of(scorer: PairScorer, crop: Crop | None, subject: Subject, *given: object) -> str:
    """What the scores of a picture rest on, as a hash; ``given`` is what else decides them."""
    profile, estimator = scorer.profile, scorer.estimator
    version = evaluation_version(profile, estimator.name, estimator.weights_sha256)
    metrics = {name: [one.version, one.ready()] for name, one in scorer.metrics.items()}
    pair = subject.pair
    files = {"sharp": subject.sharp} if pair is None else pair_files(pair)
    hashes = {role: sha256_file(file) for role, file in files.items() if file is not None}
    known = None if pair is None else [pair.id, pair.scene, dict(pair.metadata), pair.white]
    facts = [version, metrics, crop, hashes, known, *given]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
