"""Reports: one page model, rendered as self-contained HTML and as PDF."""
