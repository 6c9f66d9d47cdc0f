"""The dictionary of JNB's map can be learned again."""

import numpy as np

from research.learning import jnb as learning


def test_a_learned_dictionary_explains_what_it_learned(monkeypatch):
    """Patches of a few hidden atoms each: more rounds leave less than the drawn patches do."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(24, 64))
    shares = random.normal(size=(600, 24)) * (random.random((600, 24)) < 0.12)
    patches = np.asarray(40 * shares @ hidden, np.float32)
    monkeypatch.setattr(learning, "PICTURES", ("any",))
    monkeypatch.setattr(
        learning, "_blurred", lambda *_: np.zeros((8, 8, 3), np.float32)
    )
    monkeypatch.setattr(learning, "patches_of", lambda _: (patches, (1, 1)))
    for name, value in {"PATCHES": 500, "ATOMS": 32, "SPARSITY": 4}.items():
        monkeypatch.setattr(learning, name, value)
    left = []
    for rounds in (0, 10):
        monkeypatch.setattr(learning, "ROUNDS", rounds)
        atoms = learning.learned_dictionary()
        assert atoms.shape == (32, 64)
        assert np.allclose(np.linalg.norm(atoms, axis=1), 1, atol=1e-5)
        nearest = np.abs(patches @ atoms.T).max(axis=1)
        left.append(float(np.square(np.linalg.norm(patches, axis=1) - nearest).mean()))
    assert left[1] < 0.8 * left[0]
