"""Published datasets: known layouts, and completeness of a download."""
