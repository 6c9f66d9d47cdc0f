"""How many pairs of a dataset can be used: at once, after compensation, or not."""

from dataclasses import dataclass

from defocus.progress import counted

__all__ = ["Usable"]


@dataclass(frozen=True)
class Usable:
    """Ids of pairs by what a curation's rules make of them; the others with their reasons."""

    now: tuple[str, ...]
    # fail for their misalignment or light alone, which compensation changes
    compensated: tuple[str, ...]
    others: tuple[tuple[str, str], ...]

    @property
    def count(self) -> int:
        """Number of all pairs."""
        return len(self.now) + len(self.compensated) + len(self.others)

    @property
    def words(self) -> str:
        """The answer in a sentence."""
        if not self.compensated:
            told = f"{len(self.now)} of {counted(self.count, 'pair')} can be used"
        else:
            told = (
                f"{len(self.now)} of {counted(self.count, 'pair')} can be used as they are, "
                f"{len(self.compensated)} more after compensation"
            )
        return f"{told}, {len(self.others)} not" if self.others else told
