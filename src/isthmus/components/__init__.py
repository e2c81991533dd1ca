"""The parts that models are composed of, one folder per axis.

Importing this package imports every module below it, so that each component registers itself: to add one, write
its file and nothing else. The axes never import one another; :mod:`isthmus.models` brings them together.
"""

from importlib import import_module
from pkgutil import walk_packages

for _module in walk_packages(__path__, prefix=f"{__name__}."):
    import_module(_module.name)
