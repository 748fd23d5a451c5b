"""The last layer: one logit a class, in float32."""

from keras import ops

from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.convolution import truncated_normal


class Logits(Layer):
    """Convolutions with biases, summed: one for each rate.

    After a context module that is a single 1x1 convolution. Without one it is
    DeepLabv2's ASPP: a convolution for each atrous rate, straight from the backbone
    (Chen et al., 2016, arXiv:1606.00915).

    Computes and returns float32 under any policy.

    Args:
        num_classes: Output channels.
        kernel_size: Rows and columns of the kernels.
        rates: Their dilations, in pixels of the feature map.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype.

    Returns:
        `[batch, height, width, num_classes]` float32.

    >>> Logits(19, rates=(1, 2), dtype="bfloat16")(ops.ones((1, 5, 7, 3))).dtype
    tf.float32
    """

    def __init__(
        self,
        num_classes: int,
        kernel_size: int = 1,
        rates: tuple[int, ...] = (1,),
        **kwargs,
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.keep(locals())
        names = [f"semantic_{i}" if i else "semantic" for i in range(len(rates))]
        self.convolutions = [
            BiasedConv(num_classes, kernel_size, rate, name=name, dtype="float32")
            for rate, name in zip(rates, names, strict=True)
        ]

    def build(self, shape):
        for convolution in self.convolutions:
            convolution.build(shape)

    def call(self, x):
        return sum(convolution(x) for convolution in self.convolutions)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.num_classes)


class BiasedConv(Layer):
    """A convolution with a bias, and nothing after it."""

    def __init__(self, filters: int, kernel_size: int = 1, rate: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.keep(locals())

    def build(self, shape):
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, shape[-1], self.filters),
            initializer=truncated_normal(0.01),
            name="weights",
        )
        self.bias = self.add_weight(
            shape=(self.filters,), initializer="zeros", name="biases"
        )

    def call(self, x):
        y = ops.conv(
            x,
            self.kernel,
            padding="same",
            dilation_rate=self.rate,
            data_format="channels_last",
        )
        return y + self.bias
