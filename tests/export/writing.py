"""A SavedModel as `Run.export` writes it, of any model."""

from deeplab_dpc.config import ExportConfig
from deeplab_dpc.export import formats
from deeplab_dpc.export.assets import Serving


def write(model, path, dataset, serving=None):
    """Gives the version's folder."""
    order = formats.Order(ExportConfig(), (65, 65), split=None)
    return formats.write(model, path, dataset, serving or Serving(), order)[0]
