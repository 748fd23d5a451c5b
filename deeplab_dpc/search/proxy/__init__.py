"""The proxy task: how good a cell is, from a short training on cached features."""

from deeplab_dpc.search.proxy.head import CandidateError
from deeplab_dpc.search.proxy.proxy import Proxy

__all__ = ["CandidateError", "Proxy"]
