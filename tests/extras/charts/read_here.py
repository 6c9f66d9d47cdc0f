"""Where the characters of a chart can be read."""

import shutil

import pytest

from defocus.extras.charts.measures.characters import CHARACTER_READERS

needs_text = pytest.mark.skipif(
    not CHARACTER_READERS.offers(), reason="needs the extra text"
)
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None or not CHARACTER_READERS.offers(),
    reason="needs Debian's tesseract-ocr, and the extra text",
)
