"""Web page for shooting: live view, verdicts, buttons, contact sheet."""
