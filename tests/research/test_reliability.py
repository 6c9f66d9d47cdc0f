"""The table of how many errors lie within the standard errors that are stated with them."""

from research.alignment_truth.reliability import table


def test_the_shares_are_those_within_so_many_standard_errors():
    judged = [(0.1, 0.2), (0.3, 0.2), (0.5, 0.2), (0.7, 0.2)]
    *_, row = table({"some": judged})
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "some",
        "4",
        "0.40",
        "0.20",
        "25 %",
        "25 %",
        "50 %",
        "50 %",
        "75 %",
    ]
