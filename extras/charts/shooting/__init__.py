"""The test chart in a session: it is shot, read and compared."""
