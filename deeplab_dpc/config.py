"""Frozen settings: what a model, its data, its training and its evaluation are.

A field has the name of its flag; its default is the original DeepLab's unless its help
says otherwise. `programs/flags.py` makes the flags from the fields, so a setting is
written down once.
"""

import dataclasses

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.settings import Config, ConfigError, setting

__all__ = [
    "ConfigError",
    "DataConfig",
    "EvalConfig",
    "ModelConfig",
    "TrainConfig",
]

MODEL_VARIANTS = (
    "mobilenet_v2",
    "xception_41",
    "xception_65",
    "xception_71",
    "resnet_v1_50_beta",
    "resnet_v1_101_beta",
)
OUTPUT_STRIDES = (8, 16, 32)
BATCH_NORM_DECAY = 0.9997


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Config):
    """What `build_model` builds.

    Sizes are `(height, width)` in pixels. `genotype` takes a `Genotype`, or the list
    of the original's JSON format; `None` is ASPP.
    """

    num_classes: int = setting(
        21, "Classes, the ignored label left out.", flag=False, at_least=1
    )
    model_variant: str = setting(
        "mobilenet_v2", "The backbone.", choices=MODEL_VARIANTS
    )
    crop_size: tuple[int, int] | None = setting(
        None,
        "Height and width of the images that it is meant for. It takes any size, and "
        "its pooling windows follow each image.",
        at_least=1,
        flag=False,
    )
    output_stride: int = setting(
        16,
        "Pixels of the image for one pixel of the backbone's last feature map: 8, "
        "16 or (without a cell) 32.",
    )
    genotype: Genotype | None = setting(
        None, "The dense prediction cell; None is ASPP.", flag=False
    )
    atrous_rates: tuple[int, ...] | None = setting(
        None,
        "Rates of ASPP's 3x3 branches; none: image pooling and 1x1 only.",
        at_least=1,
        repeatable=True,
    )
    multi_grid: tuple[int, ...] | None = setting(
        None,
        "Three factors for the rates of the backbone's last block.",
        at_least=1,
        repeatable=True,
    )
    depth_multiplier: float = setting(1.0, "Factor on MobileNet-v2's channels.")
    divisible_by: int | None = setting(
        None,
        "MobileNet-v2 rounds its channels to multiples of this; by default 8, "
        "or 1 with a depth multiplier.",
        at_least=1,
    )
    image_pyramid: tuple[float, ...] | None = setting(
        None,
        "Scales at which one model sees the image; their logits are merged.",
        repeatable=True,
    )
    merge_method: str = setting(
        "max", "How an image pyramid's logits are merged.", choices=("max", "avg")
    )
    add_image_level_feature: bool = setting(True, "ASPP has an image pooling branch.")
    image_pooling_crop_size: tuple[int, int] | None = setting(
        None,
        "Image size that sets the pooling windows, instead of the crop size.",
        at_least=1,
    )
    image_pooling_stride: tuple[int, int] = setting(
        (1, 1), "Stride of ASPP's image pooling.", at_least=1
    )
    aspp_with_batch_norm: bool = setting(
        True,
        "A context module (ASPP or cell) precedes the logits. Without it the "
        "logits are convolved straight from the backbone, once for each atrous rate.",
    )
    aspp_with_separable_conv: bool = setting(True, "ASPP's 3x3 branches are separable.")
    aspp_with_concat_projection: bool = setting(
        True, "ASPP projects its concatenation to aspp_convs_filters channels."
    )
    aspp_convs_filters: int = setting(256, "Channels of ASPP's branches.", at_least=1)
    decoder_output_stride: tuple[int, ...] | None = setting(
        None,
        "Output strides of the decoder's stages, such as 4; none: no decoder.",
        at_least=1,
    )
    decoder_use_separable_conv: bool = setting(True, "Separable decoder convolutions.")
    decoder_filters: int = setting(256, "Channels of the decoder.", at_least=1)
    logits_kernel_size: int = setting(
        1, "Kernel of the logits' convolution.", at_least=1
    )
    prediction_with_upsampled_logits: bool = setting(
        True,
        "Predict after resizing the logits to the image; else resize the "
        "prediction, by nearest neighbour.",
    )
    use_bounded_activation: bool = setting(False, "ReLU6 instead of ReLU.")
    batch_norm_decay: float = setting(
        BATCH_NORM_DECAY,
        "Decay of the moving averages. At the default MobileNet-v2 keeps its own "
        "0.997 and ResNet its 0.95; another value holds there, too. Short training "
        "needs a smaller one.",
    )

    def _check(self) -> None:
        if self.output_stride not in OUTPUT_STRIDES:
            raise ConfigError(
                f"output_stride={self.output_stride}; it must be one of "
                f"{OUTPUT_STRIDES}."
            )
        if self.genotype is not None:
            self._check_cell()
        if self.multi_grid is not None and len(self.multi_grid) != 3:
            raise ConfigError(f"multi_grid={self.multi_grid}; it has three factors.")
        if self.depth_multiplier <= 0:
            raise ConfigError(
                f"depth_multiplier={self.depth_multiplier}; it must be above 0."
            )
        if self.image_pyramid is not None and min(self.image_pyramid, default=0) <= 0:
            raise ConfigError(
                f"image_pyramid={self.image_pyramid}; it needs scales above 0."
            )
        if not 0 < self.batch_norm_decay < 1:
            raise ConfigError(
                f"batch_norm_decay={self.batch_norm_decay}; it lies between 0 and 1."
            )
        if self.aspp_with_batch_norm and self.logits_kernel_size != 1:
            raise ConfigError(
                f"logits_kernel_size={self.logits_kernel_size}, but after ASPP or a "
                "cell the logits' kernel is 1; pass --logits_kernel_size=1 or "
                "--noaspp_with_batch_norm."
            )

    def _check_cell(self) -> None:
        if self.output_stride == 32:
            raise ConfigError(
                "output_stride=32 with a cell: its rates are those at output stride "
                "16 and cannot be halved; use 16 or 8."
            )
        if self.atrous_rates is not None:
            raise ConfigError(
                f"atrous_rates={self.atrous_rates} belong to ASPP, but there is a "
                "cell, which has its own rates; give one of the two."
            )
        if not self.aspp_with_batch_norm:
            raise ConfigError(
                "aspp_with_batch_norm=False leaves out the context module, but there "
                "is a cell; give one of the two."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(Config):
    """Where the records are and how images are resized before all else."""

    dataset: str | None = setting(
        None,
        "Name of a known data set, for a folder without a dataset.json (records "
        "that the original's converters wrote).",
    )
    dataset_dir: str | None = setting(
        None, "Folder with the TFRecord files and their dataset.json."
    )
    min_resize_value: int | None = setting(
        None,
        "Resize images so that the smaller side has this many pixels.",
        at_least=1,
    )
    max_resize_value: int | None = setting(
        None,
        "The larger side has at most this many pixels after resizing.",
        at_least=1,
    )
    resize_factor: int | None = setting(
        None, "Sides become multiples of this plus one after resizing.", at_least=1
    )
    keep_aspect_ratio: bool = setting(
        True, "Resizing keeps the ratio of the sides; else both get the same size."
    )
    skip_bad_records: bool = setting(
        False,
        "Check the records first (those of files that changed since they were "
        "converted) and leave out the bad ones; else a bad one is an error.",
    )

    def _check(self) -> None:
        if self.max_resize_value is not None and self.min_resize_value is None:
            raise ConfigError(
                f"max_resize_value={self.max_resize_value} needs --min_resize_value."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """How a model is trained."""

    train_split: str = setting("train", "Split to train on.")
    train_batch_size: int = setting(
        8, "Images of one step, over all replicas.", at_least=1
    )
    train_crop_size: tuple[int, int] = setting(
        (513, 513), "Height and width of the training crops.", at_least=1
    )
    min_scale_factor: float = setting(0.5, "Smallest random scale.")
    max_scale_factor: float = setting(2.0, "Largest random scale.")
    scale_factor_step_size: float = setting(
        0.25, "Step between random scales; 0 draws from the whole range.", at_least=0
    )
    photometric_distortion: bool = setting(
        False, "Change brightness, contrast, saturation and hue at random, too."
    )
    training_number_of_steps: int = setting(30000, "Steps to train.", at_least=1)
    optimizer: str = setting(
        "momentum",
        "Optimizer. adamw shrinks kernels by weight_decay itself instead of through "
        "the gradient, and follows the schedule.",
        choices=("momentum", "adam", "adamw"),
    )
    momentum: float = setting(0.9, "Momentum.", at_least=0)
    adam_learning_rate: float = setting(0.001, "Adam's learning rate.", at_least=0)
    adam_epsilon: float = setting(1e-8, "Epsilon of adam and adamw.")
    learning_policy: str = setting(
        "poly",
        "Learning rate schedule.",
        choices=("poly", "step", "cosine", "multi_steps"),
    )
    base_learning_rate: float = setting(1e-4, "First learning rate.", at_least=0)
    end_learning_rate: float = setting(0.0, "Last learning rate of poly.", at_least=0)
    decay_steps: int = setting(
        0, "Steps over which poly decays; 0: training_number_of_steps.", at_least=0
    )
    learning_power: float = setting(0.9, "Exponent of poly.")
    learning_rate_decay_factor: float = setting(0.1, "Factor of step.")
    learning_rate_decay_step: int = setting(
        2000, "Steps between two of step's factors.", at_least=1
    )
    learning_rate_boundaries: tuple[int, ...] | None = setting(
        None, "Last steps of multi_steps' rates but the last one.", at_least=0
    )
    learning_rate_values: tuple[float, ...] | None = setting(
        None, "Rates of multi_steps, one more than boundaries.", at_least=0
    )
    slow_start_step: int = setting(
        0, "Train this many steps at slow_start_learning_rate first.", at_least=0
    )
    slow_start_learning_rate: float = setting(
        1e-4, "Rate of the slow start.", at_least=0
    )
    slow_start_burnin_type: str = setting(
        "none",
        "The slow start stays at its rate, or rises linearly to the first one.",
        choices=("none", "linear"),
    )
    weight_decay: float = setting(
        4e-5, "L2 on kernels (not depthwise ones).", at_least=0
    )
    last_layer_gradient_multiplier: float = setting(
        1.0, "Factor on the gradients of the last layers."
    )
    last_layers_contain_logits_only: bool = setting(
        False,
        "The last layers are the logits alone; else also the context module "
        "and the decoder.",
    )
    backbone_learning_rate_multiplier: float = setting(
        1.0, "Factor on the backbone's learning rate.", at_least=0
    )
    freeze_backbone: bool = setting(
        False,
        "The backbone stays as it is: its variables do not train, and its batch norms "
        "use their moving statistics.",
    )
    clip_gradient_norm: float = setting(
        0.0,
        "Gradients are scaled down to this norm, that of all of them together; 0: "
        "they are left as they are.",
        at_least=0,
    )
    ema_decay: float = setting(
        0.0,
        "Keep moving averages of all weights with this decay, such as 0.9999, and "
        "evaluate with them; 0: no averages.",
        at_least=0,
    )
    upsample_logits: bool = setting(
        True,
        "Resize the logits to the labels for the loss; else the labels to the logits.",
    )
    label_weights: tuple[float, ...] | None = setting(
        None,
        "One loss weight for each class, one for all, or `balanced`: large for the "
        "classes that are rare in the training split (median frequency balancing).",
        at_least=0,
        repeatable=True,
    )
    hard_example_mining_step: int = setting(
        0,
        "Steps over which the share of pixels in the loss falls to "
        "top_k_percent_pixels.",
        at_least=0,
    )
    top_k_percent_pixels: float = setting(
        1.0, "Share of pixels, those of largest loss, that count, in 0..1."
    )
    hard_example_mining: str = setting(
        "device",
        "Among which pixels those of largest loss are sought: all of a device (as in "
        "the original), or those of each image (the same on any number of devices).",
        choices=("device", "image"),
    )
    label_smoothing: float = setting(
        0.0,
        "Share of each pixel's target that is spread evenly over all classes, in 0..1.",
        at_least=0,
    )
    fine_tune_batch_norm: bool = setting(
        True,
        "Batch norm normalises with the batch's statistics and updates its "
        "moving ones; else it uses the moving ones.",
    )
    sync_batch_norm: bool = setting(
        False,
        "Batch norm uses the statistics of the whole batch over all devices and "
        "machines; else each device those of its own share.",
    )
    precision: str = setting(
        "float32",
        "Numbers that layers compute with; weights, batch norm's statistics and the "
        "loss are always float32.",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )
    jit_compile: bool = setting(
        False, "Compile the model with XLA (helps some GPUs, never a CPU)."
    )
    gradient_accumulation_steps: int = setting(
        1,
        "Parts in which each device computes its share of a batch, one after the "
        "other, to save memory. Batch norm sees one part at a time.",
        at_least=1,
    )
    steps_per_execution: int = setting(
        1, "Steps that TensorFlow makes in one call.", at_least=1
    )
    tf_initial_checkpoint: str | None = setting(
        None,
        "Weights to start from: a TF1 checkpoint prefix, an .npz of arrays by "
        "TF1 variable name, or a run folder of this program.",
    )
    initialize_last_layer: bool = setting(
        True, "Take the last layers from tf_initial_checkpoint, too."
    )
    seed: int = setting(0, "Seed of initial weights, shuffling, augmentation, dropout.")
    log_steps: int = setting(10, "Steps between two lines of the log.", at_least=1)
    save_interval_secs: int = setting(
        1200, "Seconds between two checkpoints.", at_least=1
    )
    save_summaries_secs: int = setting(
        600, "Seconds between two TensorBoard image summaries.", at_least=1
    )
    save_summaries_images: bool = setting(False, "Write image summaries.")
    max_to_keep: int = setting(5, "Checkpoints to keep.", at_least=1)

    def _check(self) -> None:
        if not 0 < self.min_scale_factor <= self.max_scale_factor:
            raise ConfigError(
                f"min_scale_factor={self.min_scale_factor} and max_scale_factor="
                f"{self.max_scale_factor}; they need 0 < min <= max."
            )
        boundaries = self.learning_rate_boundaries or ()
        values = self.learning_rate_values or ()
        if self.learning_policy == "multi_steps" and (
            len(values) != len(boundaries) + 1 or list(boundaries) != sorted(boundaries)
        ):
            raise ConfigError(
                f"learning_policy=multi_steps with learning_rate_values={values} and "
                f"learning_rate_boundaries={boundaries}; boundaries rise, and there is "
                "one value more than boundaries."
            )
        if self.save_summaries_images and self.steps_per_execution > 1:
            raise ConfigError(
                "save_summaries_images shows batches, which with steps_per_execution="
                f"{self.steps_per_execution} stay within TensorFlow; give one of the "
                "two."
            )
        if self.sync_batch_norm and self.jit_compile:
            raise ConfigError(
                "sync_batch_norm needs sums over devices, which jit_compile cannot "
                "compile; give one of the two."
            )
        if self.sync_batch_norm and not self.fine_tune_batch_norm:
            raise ConfigError(
                "sync_batch_norm is about the batch's statistics, but with "
                "fine_tune_batch_norm=False they are not used; give one of the two."
            )
        if not 0 < self.top_k_percent_pixels <= 1:
            raise ConfigError(
                f"top_k_percent_pixels={self.top_k_percent_pixels}; it is a share "
                "above 0 and at most 1."
            )
        if self.hard_example_mining == "image" and self.top_k_percent_pixels == 1:
            raise ConfigError(
                "hard_example_mining=image has nothing to choose: all pixels count; "
                "pass a share, such as --top_k_percent_pixels=0.25."
            )
        for name in ("ema_decay", "label_smoothing"):
            if getattr(self, name) >= 1:
                raise ConfigError(f"{name}={getattr(self, name)}; it is below 1.")
        if self.freeze_backbone and self.backbone_learning_rate_multiplier != 1:
            raise ConfigError(
                "freeze_backbone leaves the backbone no learning rate, but "
                f"backbone_learning_rate_multiplier="
                f"{self.backbone_learning_rate_multiplier}; give one of the two."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalConfig(Config):
    """How a model predicts for scores and pictures.

    A run folder keeps it, so that `eval.py` and `vis.py` do what the run meant.
    """

    eval_split: str = setting("val", "Split to evaluate.")
    eval_batch_size: int = setting(1, "Images of one batch.", at_least=1)
    eval_crop_size: tuple[int, int] = setting(
        (513, 513), "Images are padded to at least this height and width.", at_least=1
    )
    eval_scales: tuple[float, ...] = setting(
        (1.0,),
        "Scales whose predictions are averaged.",
        repeatable=True,
    )
    add_flipped_images: bool = setting(False, "Average with the mirrored image, too.")
    sliding_window: tuple[int, int] | None = setting(
        None,
        "Height and width of windows that slide over the (scaled) image; the model "
        "sees one at a time. By default it sees the whole image.",
        at_least=1,
    )
    sliding_window_overlap: float = setting(
        1 / 3,
        "Share of a window's side that it has in common with the next one, at least; "
        "0 or more, below 1.",
        at_least=0,
    )
    boundary_f_tolerance: float | None = setting(
        None,
        "Score the outlines, too: how far off one may lie, below 1 as a share of the "
        "image's diagonal (0.0075 is usual), else in pixels.",
    )
    keep_best_checkpoint: bool | None = setting(
        None,
        "Keep the checkpoint of the highest mIoU in the folder `best`; by default if "
        "there are several evaluations.",
    )

    def _check(self) -> None:
        if min(self.eval_scales, default=0) <= 0:
            raise ConfigError(f"eval_scales={self.eval_scales}; they must be above 0.")
        if self.sliding_window_overlap >= 1:
            raise ConfigError(
                f"sliding_window_overlap={self.sliding_window_overlap}; it is a share "
                "of the window's side: 0 or more, below 1."
            )
        if self.boundary_f_tolerance is not None and self.boundary_f_tolerance <= 0:
            raise ConfigError(
                f"boundary_f_tolerance={self.boundary_f_tolerance}; it must be above "
                "0, such as 0.0075 of the image's diagonal, or 3 pixels."
            )
