"""NRKNet: a truncated Neumann series of a learnt, recursive blur."""
