"""The weights that a training begins with: the same seed gives the same ones in each version."""

import argparse
import hashlib
import json
from pathlib import Path

import pytest
import torch

from defocus.baselines.registry import all_baselines

STORED = Path(__file__).with_name("first_weights.json")
"""SHA-256 of the first weights by network, as :func:`main` writes it."""


def first_weights() -> dict[str, str]:
    """A hash for the narrow copy of each network, and of the random numbers that come after."""
    hashes = {}
    for name, system in all_baselines().items():
        torch.manual_seed(0)
        network = system.narrowed().build()
        digest = hashlib.sha256()
        for key, values in sorted(network.state_dict().items()):
            digest.update(key.encode())
            digest.update(values.contiguous().numpy().tobytes())
        digest.update(torch.rand(4).numpy().tobytes())
        hashes[name] = digest.hexdigest()[:16]
    return hashes


@pytest.mark.full
def test_networks_begin_as_they_did():
    stored = json.loads(STORED.read_text())
    now = first_weights()
    known = {name: now.get(name, "gone") for name in stored}
    # where it is meant, raise Card.revision, and write the file again
    assert known == stored
    assert set(now) == set(stored)


def main() -> None:
    """Write the file: ``python -m tests.golden.test_first_weights``."""
    argparse.ArgumentParser(
        description="Write the hashes of the first weights again."
    ).parse_args()
    STORED.write_text(f"{json.dumps(first_weights(), indent=1, sort_keys=True)}\n")


if __name__ == "__main__":
    main()
