"""A repository of signed bundles without pictures, for the board of many labs."""

import json
import zipfile
from pathlib import Path
from typing import Any

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.results.store import Cost, Entry
from defocus.extras.labs.signing import public_key, signature_of
from defocus.extras.labs.statement import (
    SCORES,
    SIGNATURE,
    STATEMENT,
    DataFacts,
    RunFacts,
    Statement,
    WeightsFacts,
    canonical,
)

SYSTEMS = ("input", "unet", "nafnet", "restormer", "jdrl-unet")
METRICS = {"psnr": 25.0, "ssim": 0.75, "lpips": 0.3, "mae": 0.04, "fsim": 0.9}
HASH = "0" * 64


def make_repository(folder: Path, many: int, labs: int = 7) -> Path:
    """Write it: each lab submits again and again."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    (folder / "bundles").mkdir(parents=True)
    keys = [
        Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)
        for n in range(1, labs + 1)
    ]
    lines = [f'"Lab {n + 1}" = "{public_key(key)}"' for n, key in enumerate(keys)]
    text = "\n".join(['title = "Defocus deblurring across labs"', "[labs]", *lines])
    (folder / "repository.toml").write_text(f"{text}\n", encoding="utf-8")
    for number in range(many):
        lab = number % labs
        content = canonical(_statement(number, f"Lab {lab + 1}", public_key(keys[lab])))
        signature = {
            "algorithm": "ed25519",
            "key": public_key(keys[lab]),
            "signature": signature_of(content, keys[lab]),
        }
        with zipfile.ZipFile(folder / "bundles" / f"{number:04d}.zip", "w") as archive:
            archive.writestr(STATEMENT, content)
            archive.writestr(SIGNATURE, json.dumps(signature))
            archive.writestr(SCORES, "{}")
    return folder


def _statement(number: int, lab: str, key: str) -> Statement:
    chosen = ("input", SYSTEMS[1 + number % 4], SYSTEMS[1 + (number + 1) % 4])
    return Statement(
        format="defocus-submission",
        version=1,
        lab=lab,
        made=f"2026-{1 + number // 84 % 12:02d}-{1 + number % 28:02d}T12:00:00+00:00",
        key=key,
        tool=f"0.{1 + number // 250}.0",
        dataset=DataFacts(
            name="dpdd", source="dpdd", content_hash=HASH, pairs=("a", "b"), sidecar=""
        ),
        profile="defocus-v1",
        seeds=1,
        training=(),
        runs=tuple(_run(system, number) for system in chosen),
        rows=tuple(row for system in chosen for row in _rows(system, number)),
        files={SCORES: HASH},
    )


def _entry(system: str, number: int) -> Entry:
    trained = system != "input"
    return Entry(
        run=f"{system}-{number}",
        grouping=f"{system}{number}",
        evaluation="2-00000000",
        system=system,
        input="single",
        weights="trained" if trained else "none",
        reconstruction=0,
        train_dataset="dpdd" if trained else "",
        dataset="dpdd",
        data_hash=HASH,
        split="test",
        budget="paper",
        seed=0,
        status="ok" if number % 5 else "seen: scenes may be among the training set",
    )


def _run(system: str, number: int) -> RunFacts:
    digits = f"{number:08x}{SYSTEMS.index(system)}"
    licence = ("MIT", "Apache-2.0", "non-commercial")[number % 3]
    weights = WeightsFacts(
        sha256=digits.rjust(64, "0"), licence=licence, trained_on=("dpdd",)
    )
    return RunFacts(
        entry=_entry(system, number),
        versions=(),
        costs=(Cost("params_m", 2.5),),
        weights=weights if system != "input" else None,
        outputs={"a": digits.rjust(64, "1"), "b": digits.rjust(64, "2")},
        device="cpu",
        machine={"system": "Linux", "cores": 8},
        libraries={"python": "3.12"},
    )


def _rows(system: str, number: int) -> list[Row]:
    place = SYSTEMS.index(system)
    facts = _entry(system, number)
    kept = (
        "system",
        "input",
        "weights",
        "train_dataset",
        "dataset",
        "split",
        "budget",
        "status",
    )
    common: dict[str, Any] = {name: getattr(facts, name) for name in kept} | {
        "data_revision": HASH[:12],
        "evaluation": facts.evaluation,
        "profile": "defocus-v1",
        "flow": "",
        "images": 76,
        "scenes": 76,
        "seeds": 1,
    }
    gain = 0.4 * place + 0.002 * number if place else None
    low, high = (gain - 0.2, gain + 0.2) if gain is not None else (None, None)
    rows = [
        Row(
            **common,
            protocol=protocol,
            metric=metric,
            value=base * (1 + 0.01 * place),
            ci_low=base * 0.99,
            ci_high=base * 1.05,
            gain=gain if metric == "psnr" else None,
            gain_low=low if metric == "psnr" else None,
            gain_high=high if metric == "psnr" else None,
        )
        for protocol in ("gt", "input-aligned")
        for metric, base in METRICS.items()
    ]
    params = 0.002 if facts.weights == "narrow" else 2.5 * place
    costs = {"params_m": params, "seconds": 0.1 * place + 0.001 * (number % 7)}
    return rows + [
        Row(**common, protocol="", metric=name, value=value, ci_low=None, ci_high=None)
        for name, value in costs.items()
    ]
