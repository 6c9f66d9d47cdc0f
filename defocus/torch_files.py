"""Errors that unreadable torch files raise."""

import pickle
import struct
import zipfile
import zlib

UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    OverflowError,
    MemoryError,
    AssertionError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What torch's reader of pickles raises for damaged or unsafe files."""
