"""The table of published weights: the original's model zoo, slim's and Keras's."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from deeplab_dpc.config import ModelConfig
from deeplab_dpc.genotypes import DPC_TOP1

_ZOO = "http://download.tensorflow.org/models"
_SLIM = "https://storage.googleapis.com/mobilenet_v2/checkpoints"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
_ZOO_PAGE = (
    "https://github.com/tensorflow/models/blob/master/research/deeplab/g3doc/"
    "model_zoo.md"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """Published weights, and the model that they belong to."""

    name: str
    address: str
    megabytes: float | None  # As its page prints the file's size, if it does.
    settings: Mapping[str, Any]  # Of the `ModelConfig`, other than the defaults.
    dataset: str | None = None  # A known data set's name; None: a backbone alone.
    score: str = ""  # As its page prints it: mIoU at this output stride.
    data_settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    # What the data and the evaluation had for that score, other than our defaults.
    also: tuple[str, ...] = ()  # Other names that it has had.
    source: str = _ZOO_PAGE  # The page that tells about it.
    license: str = "Apache-2.0"  # Of the files; the images that taught have their own.

    @property
    def file(self) -> str:
        """The name of the archive, or of the file, in the cache."""
        return self.address.rpartition("/")[2]

    @property
    def size(self) -> str:
        """The size of the download in words."""
        return f"{self.megabytes:g} MB" if self.megabytes else "unknown size"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The data set's classes in the order of the ids; none of a backbone alone."""
        if self.dataset is None:
            return ()
        from deeplab_dpc.data import dataset_info  # Late: numpy.

        return dataset_info.known(self.dataset).class_names

    @property
    def num_classes(self) -> int | None:
        """How many classes the logits have; None of a backbone alone."""
        return len(self.class_names) or None

    def model_config(self, **changes: Any) -> ModelConfig:
        """The model; a backbone alone needs `num_classes`, for a new head."""
        known = {"num_classes": self.num_classes} if self.num_classes else {}
        return ModelConfig(**{**self.settings, **known, **changes})


def _decoded(variant: str, **settings: Any) -> dict[str, Any]:
    """The settings of a model with a decoder at output stride 4."""
    return {"model_variant": variant, "decoder_output_stride": (4,), **settings}


_MOBILENET = {"model_variant": "mobilenet_v2"}
_HALF_MOBILENET = {**_MOBILENET, "depth_multiplier": 0.5}
_XCEPTION_65 = _decoded("xception_65", atrous_rates=(6, 12, 18))
_XCEPTION_71 = _decoded("xception_71", genotype=DPC_TOP1)


def _trained(name: str, file: str, megabytes: float, **facts: Any) -> WeightsEntry:
    """A segmentation model of the zoo."""
    return WeightsEntry(
        name=name, address=f"{_ZOO}/{file}.tar.gz", megabytes=megabytes, **facts
    )


def _backbone(variant: str, file: str, megabytes: float) -> WeightsEntry:
    """A backbone of the zoo, trained on ImageNet."""
    settings = {"model_variant": variant}
    name = f"{variant}_imagenet"
    return _trained(name, file, megabytes, settings=settings, score="ImageNet")


PUBLISHED = (
    _trained(
        *(
            "mobilenetv2_coco_voc_trainaug",
            "deeplabv3_mnv2_pascal_train_aug_2018_01_29",
        ),
        megabytes=23,
        settings=_MOBILENET,
        dataset="pascal_voc_seg",
        score="75.32 val (16)",
    ),
    _trained(
        *("mobilenetv2_coco_voc_trainval", "deeplabv3_mnv2_pascal_trainval_2018_01_29"),
        megabytes=23,
        settings=_MOBILENET,
        dataset="pascal_voc_seg",
        score="80.25 test (8, scales, flips)",
    ),
    _trained(
        "mobilenetv2_dm05_coco_voc_trainaug",
        "deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01",
        megabytes=7.6,
        settings=_HALF_MOBILENET,
        dataset="pascal_voc_seg",
        score="70.19 val (16)",
    ),
    _trained(
        "mobilenetv2_dm05_coco_voc_trainval",
        "deeplabv3_mnv2_dm05_pascal_trainval_2018_10_01",
        megabytes=7.6,
        settings=_HALF_MOBILENET,
        dataset="pascal_voc_seg",
        score="71.83 test (8)",
    ),
    _trained(
        *("xception_coco_voc_trainaug", "deeplabv3_pascal_train_aug_2018_01_04"),
        megabytes=439,
        settings=_XCEPTION_65,
        dataset="pascal_voc_seg",
        score="82.20 val (16)",
        also=("xception65_coco_voc_trainaug",),
    ),
    _trained(
        *("xception_coco_voc_trainval", "deeplabv3_pascal_trainval_2018_01_04"),
        megabytes=439,
        settings=_XCEPTION_65,
        dataset="pascal_voc_seg",
        score="87.80 test (8, scales, flips)",
        also=("xception65_coco_voc_trainval",),
    ),
    _trained(
        "mobilenetv2_coco_cityscapes_trainfine",
        "deeplabv3_mnv2_cityscapes_train_2018_02_05",
        megabytes=23,
        settings=_MOBILENET,
        dataset="cityscapes",
        score="70.71 val (16)",
    ),
    _trained(
        *("xception65_cityscapes_trainfine", "deeplabv3_cityscapes_train_2018_02_06"),
        megabytes=439,
        settings=_XCEPTION_65,
        dataset="cityscapes",
        score="78.79 val (16)",
        also=("xception_cityscapes_trainfine",),
    ),
    _trained(
        "xception71_dpc_cityscapes_trainfine",
        "deeplab_cityscapes_xception71_trainfine_2018_09_08",
        megabytes=445,
        settings=_XCEPTION_71,
        dataset="cityscapes",
        score="80.31 val (16)",
    ),
    _trained(
        "xception71_dpc_cityscapes_trainval",
        "deeplab_cityscapes_xception71_trainvalfine_2018_09_08",
        megabytes=446,
        settings=_XCEPTION_71,
        dataset="cityscapes",
        score="82.66 test (8, scales, flips)",
    ),
    _trained(
        *("mobilenetv2_ade20k_train", "deeplabv3_mnv2_ade20k_train_2018_12_03"),
        megabytes=24.8,
        settings=_decoded("mobilenet_v2"),
        dataset="ade20k",
        score="32.04 val (16)",
        data_settings={
            "min_resize_value": 257,
            "max_resize_value": 257,
            "eval_crop_size": (257, 257),
        },
    ),
    _trained(
        *("xception65_ade20k_train", "deeplabv3_xception_ade20k_train_2018_05_29"),
        megabytes=439,
        settings=_XCEPTION_65,
        dataset="ade20k",
        score="45.65 val (8, scales, flips)",
        also=("xception_ade20k_train",),
    ),
    _backbone("xception_41", "xception_41_2018_05_09", 288),
    _backbone("xception_65", "deeplabv3_xception_2018_01_04", 447),
    _trained(
        *("xception_65_imagenet_coco", "xception_65_coco_pretrained_2018_10_02"),
        megabytes=292,
        settings={"model_variant": "xception_65"},
        score="ImageNet, COCO",
    ),
    _backbone("xception_71", "xception_71_2018_05_09", 474),
    _backbone("resnet_v1_50_beta", "resnet_v1_50_2018_05_04", 274),
    _backbone("resnet_v1_101_beta", "resnet_v1_101_2018_05_04", 477),
    WeightsEntry(
        name="mobilenet_v2_imagenet",
        address=f"{_SLIM}/mobilenet_v2_1.0_224.tgz",
        megabytes=None,
        settings=_MOBILENET,
        score="ImageNet",
        source=(
            "https://github.com/tensorflow/models/tree/master/research/slim/nets/"
            "mobilenet"
        ),
    ),
    WeightsEntry(
        name="mobilenet_v2_keras_imagenet",
        address=(
            f"{_KERAS}/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top"
            ".h5"
        ),
        megabytes=9.4,
        settings=_MOBILENET,
        score="ImageNet",
        source="https://keras.io/api/applications/mobilenet/",
    ),
)
"""All that have a name, models first."""
