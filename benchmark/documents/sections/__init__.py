"""The sections of the reports, a module each."""
