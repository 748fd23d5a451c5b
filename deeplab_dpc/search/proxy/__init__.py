"""The proxy task: how good a cell is, from a short training on cached features."""

from deeplab_dpc.search.proxy.head import CandidateError, computes_bfloat16
from deeplab_dpc.search.proxy.proxy import Proxy

__all__ = ["CandidateError", "Proxy", "computes_bfloat16"]
