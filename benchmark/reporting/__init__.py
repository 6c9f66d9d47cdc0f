"""The benchmark's reports: a study's results and files as pages of the page model."""
