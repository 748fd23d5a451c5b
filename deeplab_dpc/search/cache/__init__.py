"""The backbone's features of a data set, computed once and kept in files."""

from deeplab_dpc.search.cache.manifest import CacheError
from deeplab_dpc.search.cache.reading import Cache
from deeplab_dpc.search.cache.writing import write_cache

__all__ = ["Cache", "CacheError", "write_cache"]
