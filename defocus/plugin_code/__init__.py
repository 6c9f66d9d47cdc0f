"""Code of plug-ins: what it consists of, what it means, and its modules."""
