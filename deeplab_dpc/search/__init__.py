"""The search for dense prediction cells (Chen et al., 2018, arXiv:1809.04184).

The names of `__init__.pyi` are imported when they are first used.
"""

from deeplab_dpc.public import names_of

__getattr__, __dir__, __all__ = names_of(__name__, __file__)
