"""Backbones at any output stride, and the one place that knows them by name."""

from deeplab_dpc.backbones.registry import make_backbone

__all__ = ["make_backbone"]
