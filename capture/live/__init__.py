"""The page for the lab bench: live picture, verdicts, buttons, contact sheet."""
