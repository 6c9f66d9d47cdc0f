"""Loads what commands load when they first need it: it takes a tenth of a second in each of them.

Templates of reports are compiled, Pillow's readers and the modules of systems and metrics imported.
"""

import importlib
import pkgutil

from PIL import Image

import defocus.benchmark.metrics
from defocus.baselines.registry import all_baselines
from defocus.reports.environment import environment

for _name in environment().list_templates():
    environment().get_template(_name)

Image.init()

all_baselines()

for _module in pkgutil.iter_modules(defocus.benchmark.metrics.__path__):
    importlib.import_module(f"defocus.benchmark.metrics.{_module.name}")
