"""What is imported so far is never collected: forks of this process need not look through it."""

import atexit
import gc
import os

gc.collect()
gc.freeze()
# at once: taking all of it apart takes a while, and tells of leaks
atexit.register(os._exit, 0)
