"""session:DIR - a session of 'defocus-capture shoot', without rejected pairs."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from defocus.cache import derived_folder
from defocus.capture.sessions.session import Session, SessionPair, read_session
from defocus.datasets.deriving.parts import place_pair
from defocus.datasets.opening import with_white
from defocus.datasets.pair import (
    OWN_PICTURES,
    Dataset,
    Pair,
    ReaderCard,
    Split,
    attempt_each,
    scene_splits,
)
from defocus.datasets.pair_files import content_hash, learnt_hash, picture_hashes
from defocus.errors import DatasetError
from defocus.pictures.raw import any_raw
from defocus.pictures.values import FULL

CARD = ReaderCard(
    title="a capture session",
    source="defocus-capture shoot",
    licence=OWN_PICTURES,
    redistributable=True,
)


def read(root: Path) -> Dataset:
    """Open a session; RAW files are developed once into the cache. Damaged pairs are left out."""
    session = read_session(root, damaged=True)
    originals = session_pairs(session)
    hashes = picture_hashes(root, originals)
    originals = with_white(f"session:{root.name}", originals)
    content = content_hash(originals, hashes)
    derived = derived_folder(content)
    develop = partial(_developed, folder=derived / "developed")
    pairs, undeveloped = attempt_each(originals, develop)
    if not pairs:
        raise DatasetError(f"{root}: no pair is whole; {undeveloped[0].reason}")
    return Dataset(
        name=f"session:{root.name}",
        root=root,
        pairs=tuple(pairs),
        content_hash=content,
        derived=derived,
        rendered=all(pair.truth is not None for pair in pairs),
        left_out=(*session.left_out, *undeveloped),
        learnt_hash=learnt_hash(originals, hashes),
    )


def session_pairs(session: Session) -> tuple[Pair, ...]:
    """The accepted and warned pairs of a session with their originals, split by scene."""
    if not session.pairs and session.left_out:
        raise DatasetError(f"no pair is whole; {session.left_out[0].reason}")
    if not session.pairs:
        raise DatasetError(
            f"{session.root}: no accepted pair; shoot one, or see 'defocus-capture check'"
        )
    splits = scene_splits(pair.scene for pair in session.pairs)
    return tuple(_pair(pair, splits[pair.scene]) for pair in session.pairs)


def _pair(pair: SessionPair, split: Split) -> Pair:
    return Pair(
        id=pair.id,
        scene=pair.scene,
        split=split,
        blurry=pair.blurry,
        sharp=pair.sharp,
        truth=pair.truth_image,
        flow=pair.truth_flow,
        defocus_map=pair.defocus_map,
        metadata=MappingProxyType({**pair.metadata, "verdict": pair.verdict}),
    )


def _developed(pair: Pair, folder: Path) -> Pair:
    """The pair with developed pictures instead of RAW files."""
    if pair.sharp is None or not any_raw(pair.blurry, pair.sharp):
        return pair
    target = folder / pair.id
    placed = sorted(target.glob("blurry.*")), sorted(target.glob("sharp.*"))
    if all(placed):
        return replace(pair, blurry=placed[0][0], sharp=placed[1][0], white=FULL)
    blurry, sharp = place_pair(pair.blurry, pair.sharp, target)
    return replace(pair, blurry=blurry, sharp=sharp, white=FULL)
