"""The report of a dataset: what it holds, what was measured, samples; the same as HTML and PDF."""

import io
from dataclasses import replace

import pypdf

from defocus.datasets.api import open_dataset
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.curation_rules import usable_pairs
from defocus.datasets.dataset_page import dataset_page
from defocus.reports.html import render_html
from defocus.reports.model import Slider
from defocus.reports.pdf import render_pdf
from tests.datasets.conftest import write_folder


def page_of(dataset, audit):
    return dataset_page(dataset, audit, usable_pairs(audit))


HOSTILE = "<script>alert(1)</script>"


def test_html_and_pdf_tell_counts_settings_and_measurements(tmp_path):
    root = write_folder(tmp_path / "noise", [f"{n}.png" for n in range(6)])
    dataset = open_dataset(f"pairs:{root}")
    pairs = [
        replace(
            pair,
            scene=HOSTILE if n == 0 else pair.scene,
            metadata={"lens": {"f_number": 2.8}},
        )
        for n, pair in enumerate(dataset.pairs)
    ]
    pairs[1] = replace(pairs[1], sharp=None, metadata={"roles": {"blurry": "damaged"}})
    dataset = replace(dataset, pairs=tuple(pairs))
    facts = {"width": 56, "height": 40, "gain_ev": 0.1}
    rows = tuple(
        AuditedPair(p.id, p.scene, p.split, "ok", misalignment_px=0.125 * n, **facts)
        for n, p in enumerate(pairs)
    )
    page = page_of(dataset, Audit("noise", "0", "dis", rows, ()))
    html = render_html(page)
    assert HOSTILE not in html
    size = "56\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}40"
    for text in ("6 pairs of 6 scenes", size, "16 bit", "2.8 (5)", "0.625"):
        assert text in html
    assert html.index("At a glance") < html.index("Samples") < html.index("SHA-256")
    assert "pairs can be used" in html
    for split in {pair.split for pair in pairs}:
        assert f"Samples: {split}" in html
    parts = [part for _, section in page.sections for part in section]
    shown = [part.caption for part in parts if isinstance(part, Slider)]
    assert len(shown) == len(set(shown)) > 1, "each is shown once"
    words = "".join(
        p.extract_text() for p in pypdf.PdfReader(io.BytesIO(render_pdf(page))).pages
    )
    assert "2.8 (5)" in words


def test_the_command(data, tmp_path):
    write_folder(tmp_path / "noise", ["1.png"])
    data("report", "pairs:noise", "--out", "r", "--on", "1")
    assert (tmp_path / "r/dataset.pdf").read_bytes().startswith(b"%PDF")
    assert "Dataset pairs:noise" in (tmp_path / "r/dataset.html").read_text()
