"""The backbone's features of a data set, computed once and kept in files."""

from deeplab_dpc.search.cache.cache import Cache, CacheError
from deeplab_dpc.search.cache.writing import write_cache

__all__ = ["Cache", "CacheError", "write_cache"]
