"""DMPHN: a deep hierarchy of ever smaller patches."""
