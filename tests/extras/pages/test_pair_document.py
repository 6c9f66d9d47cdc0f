"""The page of pairs before its script has asked for them."""

import re

from defocus.extras.pages.serving.document import pair_document


def test_nothing_is_said_to_be_missing_before_the_pairs_are_known():
    html = pair_document().render(
        session="pairs:mine", live=False, control="", notes=()
    )
    (paragraph,) = re.findall(r"<p[^>]*>This session has no complete pair", html)
    assert "hidden" in paragraph
