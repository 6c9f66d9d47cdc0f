"""Tables of docs/jdrl-numbers.md; ``research.pages.jdrl`` makes the page."""
