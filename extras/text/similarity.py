"""How alike two texts are."""


def similarity(first: str, second: str) -> float:
    """Share of characters that two texts have in common in one order, 0 to 1; 0 if one is empty.

    2·LCS / (length + length), as ``fuzzywuzzy.fuzz.ratio`` has it with python-Levenshtein."""
    if not first or not second:
        return 0.0
    row = [0] * (len(second) + 1)
    for one in first:
        diagonal = 0
        for place, other in enumerate(second, 1):
            longest = diagonal + 1 if one == other else max(row[place], row[place - 1])
            diagonal, row[place] = row[place], longest
    return 2 * row[-1] / (len(first) + len(second))
