"""How a model is trained."""

import dataclasses
from typing import Literal

from deeplab_dpc.config.data import AugmentConfig
from deeplab_dpc.settings import ConfigError, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(AugmentConfig):
    """How a model is trained."""

    train_split: str = setting("train", "Split to train on.")
    train_batch_size: int = setting(
        8, "Images of one step, over all replicas.", at_least=1
    )
    train_crop_size: tuple[int, int] = setting(
        (513, 513), "Height and width of the training crops.", at_least=1
    )
    training_number_of_steps: int = setting(30000, "Steps to train.", at_least=1)
    optimizer: Literal["momentum", "adam", "adamw"] = setting(
        "momentum",
        "Optimizer. adamw shrinks kernels by weight_decay itself instead of through "
        "the gradient, and follows the schedule.",
    )
    momentum: float = setting(0.9, "Momentum.", at_least=0)
    adam_learning_rate: float = setting(0.001, "Adam's learning rate.", at_least=0)
    adam_epsilon: float = setting(1e-8, "Epsilon of adam and adamw.")
    learning_policy: Literal["poly", "step", "cosine", "multi_steps"] = setting(
        "poly", "Learning rate schedule."
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
    slow_start_burnin_type: Literal["none", "linear"] = setting(
        "none", "The slow start stays at its rate, or rises linearly to the first one."
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
        below=1,
    )
    upsample_logits: bool = setting(
        True,
        "Resize the logits to the labels for the loss; else the labels to the logits.",
    )
    label_weights: tuple[float, ...] | None = setting(
        None,
        "One loss weight for each class, one for all, or `balanced`: large for the "
        "classes that are rare in the training split (median frequency balancing); "
        "`sqrt_balanced`: the square roots of these.",
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
        1.0,
        "Share of pixels, those of largest loss, that count, in 0..1.",
        above=0,
        at_most=1,
    )
    hard_example_mining: Literal["device", "image"] = setting(
        "device",
        "Among which pixels those of largest loss are sought: all of a device (as in "
        "the original), or those of each image (the same on any number of devices).",
    )
    label_smoothing: float = setting(
        0.0,
        "Share of each pixel's target that is spread evenly over all classes, in 0..1.",
        at_least=0,
        below=1,
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
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = setting(
        "float32",
        "Numbers that layers compute with; weights, batch norm's statistics and the "
        "loss are always float32.",
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
        "Weights to start from: imagenet, or another name that `deeplab-dpc weights "
        "list` tells, a TF1 checkpoint prefix or an archive of one, an .npz of arrays "
        "by TF1 variable name, or a run folder of this program.",
    )
    initialize_last_layer: bool = setting(
        True, "Take the last layers from tf_initial_checkpoint, too."
    )
    seed: int = setting(
        0, "Seed of initial weights, shuffling, augmentation, dropout.", at_least=0
    )
    log_steps: int = setting(10, "Steps between two lines of the log.", at_least=1)
    eval_interval_steps: int = setting(
        0,
        "Score the model on eval_split every so many steps, and at the end, and keep "
        "the best checkpoint in <train_logdir>/best; 0: never.",
        at_least=0,
    )
    early_stopping_patience: int = setting(
        0,
        "End when so many scorings one after the other were no better than the best "
        "before; 0: never.",
        at_least=0,
    )
    save_interval_secs: int = setting(
        1200, "Seconds between two checkpoints.", at_least=1
    )
    save_summaries_secs: int = setting(
        600, "Seconds between two TensorBoard image summaries.", at_least=1
    )
    save_summaries_images: bool = setting(False, "Write image summaries.")
    max_to_keep: int = setting(5, "Checkpoints to keep.", at_least=1)

    def _check(self) -> None:
        super()._check()
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
        if self.hard_example_mining == "image" and self.top_k_percent_pixels == 1:
            raise ConfigError(
                "hard_example_mining=image has nothing to choose: all pixels count; "
                "pass a share, such as --top_k_percent_pixels=0.25."
            )
        if self.early_stopping_patience and not self.eval_interval_steps:
            raise ConfigError(
                f"early_stopping_patience={self.early_stopping_patience} counts "
                "scorings, but there are none; pass --eval_interval_steps, such as "
                f"{max(self.training_number_of_steps // 20, 1)}."
            )
        if self.freeze_backbone and self.backbone_learning_rate_multiplier != 1:
            raise ConfigError(
                "freeze_backbone leaves the backbone no learning rate, but "
                f"backbone_learning_rate_multiplier="
                f"{self.backbone_learning_rate_multiplier}; give one of the two."
            )
