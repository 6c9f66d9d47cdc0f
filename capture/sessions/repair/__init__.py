"""Copies of a session's journal, and the repair of a damaged one."""
