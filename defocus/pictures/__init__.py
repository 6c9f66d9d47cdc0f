"""Pictures in files: every format read and written, with all that a file holds."""
