"""Cells and a short training for the tests of the proxy."""

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.config import ProxyConfig

SMALL = Genotype((Branch.conv1x1(BACKBONE),))
OTHER = Genotype((Branch.conv3x3(BACKBONE, (1, 3)), Branch.pyramid_pooling(0, (2, 1))))
CONFIG = ProxyConfig(
    proxy_steps=12,
    proxy_batch_size=4,
    proxy_learning_rate=0.05,
    proxy_batch_norm_decay=0.8,
)
