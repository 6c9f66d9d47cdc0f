"""Loads what commands load when they first need it: it takes a tenth of a second in each of them.

Templates of reports are compiled, Pillow's readers and the modules of systems and metrics imported.
"""

import importlib
import pkgutil
from pathlib import Path

from PIL import Image

import defocus.baselines.systems
import defocus.benchmark.metrics
from defocus.reports.environment import environment

for _name in environment().list_templates():
    environment().get_template(_name)

Image.init()

for _folder in map(Path, defocus.baselines.systems.__path__):
    for _file in _folder.glob("*/baseline.py"):
        importlib.import_module(f"defocus.baselines.systems.{_file.parent.name}.baseline")

for _module in pkgutil.iter_modules(defocus.benchmark.metrics.__path__):
    importlib.import_module(f"defocus.benchmark.metrics.{_module.name}")
