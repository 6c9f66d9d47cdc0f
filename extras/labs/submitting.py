"""Make a submission of a study: everything that others need to check it."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from defocus.baselines.registry import known_baselines
from defocus.baselines.scales import plain_name
from defocus.baselines.weights.store import all_weights
from defocus.benchmark.evaluation.kept_outputs import KeptOutputs
from defocus.benchmark.leaderboard.content import origin_of
from defocus.benchmark.leaderboard.rows import Row, current_entries
from defocus.benchmark.results.run_folder import (
    left_out_of_run,
    package_version,
    run_folder,
    trained_datasets,
)
from defocus.benchmark.results.store import (
    ELSEWHERE,
    STORE,
    Entry,
    Results,
    read_results,
)
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.statistics.comparable import CEILING
from defocus.benchmark.study.document import REQUEST, read_request
from defocus.benchmark.study.plan import TRAINING_OF
from defocus.datasets.api import is_corrected, open_dataset
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.extras.labs.rows import rows_of
from defocus.extras.labs.signing import public_key, signature_of, signing_key
from defocus.extras.labs.statement import (
    SCORES,
    SIGNATURE,
    STATEMENT,
    DataFacts,
    RunFacts,
    Statement,
    TrainedOn,
    WeightsFacts,
    canonical,
    output_name,
    training_hashes,
    weights_name,
)
from defocus.progress import say, track
from defocus.reading import intact, parse_json
from defocus.storage.files import atomic_path, sha256_file
from defocus.training.record.folder import CHECKPOINT


@dataclass(frozen=True)
class SubmissionChoice:
    """Parts of a study that are submitted."""

    lab: str  # who submits
    systems: Sequence[str] = ()  # shell patterns for names; empty for all
    # address of the dataset, where the study has several; None for its only one
    dataset: str | None = None
    outputs: bool = (
        True  # whether the restored pictures are inside, not only their hashes
    )
    weights: bool = False  # whether the weights of the study's own trainings are inside
    key: Path | None = None  # file of the private key; None for the user's own


def submit(out: Path, bundle: Path, choice: SubmissionChoice) -> Statement:
    """Write the submission of a study, which kept its restored pictures, to a new ``.zip`` file."""
    _require_names(bundle, choice)
    key = signing_key(choice.key)
    with read_results(out / STORE) as results:
        dataset, address = _dataset(out, results, choice.dataset)
        entries = _chosen(out, results, dataset, choice.systems)
        kept = {entry.run: _outputs(out, results, dataset, entry) for entry in entries}
        weights = {entry.run: _weights(out, entry) for entry in entries}
        members: dict[str, Path | bytes] = {SCORES: _scores(results, entries)}
        if choice.outputs:
            members |= _output_members(kept)
        if choice.weights:
            members |= _weights_members(weights)
        has_request = (out / REQUEST).is_file()
        seeds = read_request(out).seeds if has_request else _seeds(entries)
        hashes = {run: _output_hashes(pictures) for run, pictures in kept.items()}
        runs = []
        for entry in entries:
            run = entry.run
            facts = _run_facts(out, results, entry, weights[run], hashes[run])
            runs.append(facts)
        statement = Statement(
            format="defocus-submission",
            version=1,
            lab=choice.lab,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            key=public_key(key),
            tool=package_version(),
            dataset=_data_facts(dataset, address),
            profile=DEFAULT.name,
            seeds=seeds,
            training=_training(dataset, entries),
            runs=tuple(runs),
            rows=tuple(_rows(results, entries)),
            files={
                name: _hash_of(name, member, hashes) for name, member in members.items()
            },
        )
    content = canonical(statement)
    signed = {
        "algorithm": "ed25519",
        "key": statement.key,
        "signature": signature_of(content, key),
    }
    signature = json.dumps(signed).encode()
    whole = {
        STATEMENT: content,
        SIGNATURE: signature,
        **members,
    }
    _write(bundle, whole)
    return statement


def _output_members(kept: Mapping[str, Mapping[str, Path]]) -> dict[str, Path]:
    """The kept pictures by their names in the bundle."""
    members = {}
    for run, pictures in kept.items():
        for pair, path in pictures.items():
            members[output_name(run, pair)] = path
    return members


def _weights_members(
    weights: Mapping[str, tuple[WeightsFacts, Path] | None],
) -> dict[str, Path]:
    """The weights by their names in the bundle, of runs that learned."""
    members = {}
    for run, facts_and_file in weights.items():
        if facts_and_file is not None:
            _, path = facts_and_file
            members[weights_name(run)] = path
    return members


def _require_names(bundle: Path, choice: SubmissionChoice) -> None:
    """Refuse a bundle's name or a lab's name that cannot be one."""
    if bundle.suffix != ".zip":
        raise InputError(f"{bundle}: the name of a bundle ends in .zip")
    if not choice.lab.strip() or not choice.lab.isprintable() or len(choice.lab) > 80:
        raise InputError(f"--lab {choice.lab!r}: give a name of up to 80 characters")


def _dataset(out: Path, results: Results, address: str | None) -> tuple[Dataset, str]:
    """The dataset of the study's current runs, opened, and its address."""
    scored = {entry.data_hash for entry in results.entries() if entry.scored}
    if address is None:
        if not (out / REQUEST).is_file():
            raise InputError(
                f"{out}: 'run' did not start this study, so its data cannot be found; name it with "
                "--dataset"
            )
        addresses = read_request(out).datasets
        if len(addresses) > 1:
            raise InputError(
                f"{out}: has {len(addresses)} datasets; choose one with --dataset"
            )
        address = addresses[0]
    dataset = open_dataset(address, damaged=True)
    if dataset.content_hash not in scored:
        raise InputError(
            f"{out}: no scores of {dataset.name} as it is now (revision "
            f"{dataset.content_hash[:12]}); run the study again"
        )
    return dataset, address


def _chosen(
    out: Path,
    results: Results,
    dataset: Dataset,
    systems: Sequence[str],
) -> list[Entry]:
    entries = []
    for group in current_entries(results):
        for entry in group:
            if not entry.scored or entry.data_hash != dataset.content_hash:
                continue
            if entry.weights == ELSEWHERE or entry.system == CEILING:
                continue
            if systems and not any(fnmatchcase(entry.system, one) for one in systems):
                continue
            entries.append(entry)
    if not entries:
        raise InputError(
            f"{out}: no scored run of {', '.join(systems) or dataset.name} in it"
        )
    own = [entry for entry in entries if not _is_of_others(out, entry)]
    if not own:
        raise InputError(
            f"{out}: all its scores were taken from others, who submit them"
        )
    return [replace(entry, checkpoint_stamp="") for entry in own]


def _is_of_others(out: Path, entry: Entry) -> bool:
    """Whether a study took the scores of a run from somewhere, which is then reported."""
    origin = origin_of(_run_document(out, entry))
    if origin:
        say(f"{entry.run}: left out, as its scores were taken from {origin}")
    return bool(origin)


def _outputs(
    out: Path,
    results: Results,
    dataset: Dataset,
    entry: Entry,
) -> dict[str, Path]:
    """The kept restored pictures of a run, by pair, without those that could not be read."""
    basis = {"data": dataset.content_hash, "checkpoint": entry.checkpoint}
    kept = KeptOutputs(run_folder(out, entry.run), basis)
    unread = {one.id for one in left_out_of_run(results, entry.run)}
    pairs = [pair for pair in dataset.split("test") if pair.id not in unread]
    if not kept.complete(pairs):
        raise InputError(
            f"{out}: the restored pictures of {entry.run} were not kept; give the study's command "
            "again with --keep-outputs: nothing is trained again"
        )
    return {pair.id: kept.path(pair) for pair in pairs}


def _output_hashes(pictures: Mapping[str, Path]) -> dict[str, str]:
    hashes = {}
    for pair, path in track(list(pictures.items()), "hashing restored pictures"):
        hashes[pair] = hashlib.sha256(_npy(path)).hexdigest()
    return hashes


def _npy(path: Path) -> bytes:
    """The array of a kept picture as a ``.npy`` file."""
    advice = "delete it, then give the study's command again with --keep-outputs"
    damage = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
    with (
        intact(path, advice, InputError, *damage),
        np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored,
    ):
        array = np.ascontiguousarray(stored["restored"])
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _scores(results: Results, entries: Sequence[Entry]) -> bytes:
    rows = {}
    for entry in entries:
        scores = results.scores(entry.run)
        rows[entry.run] = [astuple(one) for one in scores]
    return json.dumps(rows, separators=(",", ":"), allow_nan=False).encode()


def _weights(out: Path, entry: Entry) -> tuple[WeightsFacts, Path] | None:
    """Facts and file of a run's weights; None where nothing is learned."""
    if entry.weights == "none":
        return None
    document = _run_document(out, entry)
    folder = run_folder(out, str(document.get(TRAINING_OF, entry.run)))
    path = folder / CHECKPOINT
    licence = _licence(entry.system)
    trained_on = trained_datasets(entry.train_dataset)
    if entry.checkpoint and path.is_file():
        return WeightsFacts(
            sha256=sha256_file(path),
            licence=licence,
            trained_on=trained_on,
        ), path
    sha256 = str(document.get("weights", {}).get("sha256", ""))
    for stored in all_weights(plain_name(entry.system))[0]:
        if stored.sha256 == sha256:
            facts = WeightsFacts(
                sha256=sha256,
                licence=stored.licence,
                trained_on=trained_on,
            )
            return facts, stored.path
    raise InputError(
        f"{out}: the weights of {entry.run} are no longer there; run it again"
    )


def _licence(system: str) -> str:
    registered = known_baselines([system]).get(system)
    return registered.card.licence if registered is not None else ""


def _run_document(out: Path, entry: Entry) -> dict[str, Any]:
    path = run_folder(out, entry.run) / "run.json"
    try:
        document: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or damaged; run the study again") from error
    return document


def _run_facts(
    out: Path,
    results: Results,
    entry: Entry,
    weights: tuple[WeightsFacts, Path] | None,
    outputs: dict[str, str],
) -> RunFacts:
    document = _run_document(out, entry)
    return RunFacts(
        entry=entry,
        versions=tuple(results.versions(entry.run).values()),
        costs=tuple(results.costs(entry.run)),
        weights=weights[0] if weights else None,
        outputs=outputs,
        device=document["device"],
        machine=document["machine"],
        libraries=document["libraries"],
    )


def _data_facts(dataset: Dataset, address: str) -> DataFacts:
    return DataFacts(
        name=dataset.name,
        source=dataset.source,
        content_hash=dataset.content_hash,
        pairs=tuple(pair.id for pair in dataset.split("test")),
        sidecar=address.partition("@")[2] if is_corrected(address) else "",
    )


def _seeds(entries: Sequence[Entry]) -> int:
    return max(entry.seed for entry in entries) + 1


def _training(dataset: Dataset, entries: Sequence[Entry]) -> tuple[TrainedOn, ...]:
    """Hashes of the training pictures, where a run was trained on the dataset itself."""
    if not any(
        dataset.name in trained_datasets(entry.train_dataset) for entry in entries
    ):
        return ()
    return (TrainedOn(dataset=dataset.name, pictures=training_hashes(dataset)),)


def _rows(results: Results, entries: Sequence[Entry]) -> list[Row]:
    stored = []
    for entry in entries:
        run = entry.run
        versions = results.versions(run).values()
        stored.append((entry, results.scores(run), results.costs(run), versions))
    return rows_of(stored)


def _hash_of(
    name: str,
    member: Path | bytes,
    outputs: Mapping[str, Mapping[str, str]],
) -> str:
    if isinstance(member, bytes):
        return hashlib.sha256(member).hexdigest()
    kind, run, *pair = name.split("/")
    if kind == "outputs":
        return outputs[run][pair[0].removesuffix(".npy")]
    return sha256_file(member)


def _write(bundle: Path, members: Mapping[str, Path | bytes]) -> None:
    """Write the archive; equal members make equal bytes."""
    with atomic_path(bundle) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, member in track(list(members.items()), f"writing {bundle.name}"):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            if isinstance(member, bytes):
                content = member
            else:
                content = (
                    _npy(member) if name.startswith("outputs/") else member.read_bytes()
                )
            archive.writestr(info, content)
