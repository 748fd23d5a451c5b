"""From a trained model and images to labels: `load(what).predict(images)`."""

from deeplab_dpc.segmenter.loading import load
from deeplab_dpc.segmenter.result import Segmentation
from deeplab_dpc.segmenter.segmenter import Predictions, Segmenter
from deeplab_dpc.segmenter.sources import SourceError

__all__ = ["Predictions", "Segmentation", "Segmenter", "SourceError", "load"]
