"""Scenes of stored scores, which a dataset's content hash leaves open."""

from defocus.benchmark.results.store import Results
from defocus.datasets.pair import Dataset

__all__ = ["follow_scenes"]


def follow_scenes(dataset: Dataset, results: Results) -> None:
    """Bring the stored scores of a dataset's pictures to its present scenes.

    Another layout of the same pictures may sort them into other scenes. Values do not depend on
    them; intervals and tests do.

    Args:
        dataset: The dataset as it is opened now.
        results: The store of a study, its lock held.
    """
    scenes = {pair.id: pair.scene for pair in dataset.pairs}
    for entry in results.entries():
        if entry.data_hash == dataset.content_hash:
            stored = dict(results.matrix(entry.run).pictures)
            moved = {pair: scenes.get(pair, scene) for pair, scene in stored.items()}
            if moved != stored:
                results.move_to_scenes(entry.run, moved)
