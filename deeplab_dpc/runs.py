"""A trained run as one object: its model, predictions, scores and exports."""

import contextlib
import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
from absl import logging

from deeplab_dpc import checkpoint_files
from deeplab_dpc.config import ExportConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import evaluator, photos, replicas, results
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.export import assets, formats, versions
from deeplab_dpc.export.formats import Export
from deeplab_dpc.files import local, output_folder
from deeplab_dpc.inference import Averaging, resize_nearest
from deeplab_dpc.layers.precision import predicting
from deeplab_dpc.model import build_model
from deeplab_dpc.progress import Progress
from deeplab_dpc.training import compatibility, run_folder
from deeplab_dpc.training.run_folder import RunConfig

Settings = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """What `train.py` or `convert_checkpoint.py` made, ready to be used.

    Attributes:
        folder: The run folder.
        source: The folder, whose newest checkpoint counts, or one checkpoint in it.
        config: All settings, those of `open` included.
        use_ema: Whether models get the weights' moving averages, or the last weights;
            None: the averages where the run has them.
        given: Names of the data's settings that were given to `open`.
    """

    folder: pathlib.Path
    source: pathlib.Path
    config: RunConfig
    use_ema: bool | None = None
    given: frozenset[str] = frozenset()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        model: Settings | None = None,
        data: Settings | None = None,
        evaluation: Settings | None = None,
        use_ema: bool | None = None,
    ) -> Self:
        """Opens a run folder, or one checkpoint in it.

        >>> Run.open("runs/first", data={"min_resize_value": 65}).split
        'val'

        Args:
            path: The folder, or the prefix of a checkpoint in it (`RUN/ckpt-100`).
            model: Settings of `ModelConfig` to replace, by name; only those of
                `compatibility.MAY_DIFFER` may differ. Another output stride scales
                ASPP's rates with it, unless they are given, too.
            data: Settings of `DataConfig` to replace.
            evaluation: Settings of `EvalConfig` to replace.
            use_ema: See the class.

        Raises:
            RunFolderError: If there is no run folder.
            ContradictionError: If a setting of the model contradicts the run.
            ConfigError: If the settings do not work together.
        """
        given = checkpoint_files.meant(path)
        is_prefix = given.with_name(f"{given.name}.index").is_file()
        folder = given.parent if is_prefix and not given.is_dir() else given
        run = RunConfig.load(folder)
        run = dataclasses.replace(
            run,
            model=compatibility.overridden_model(run.model, model or {}, folder),
            data=dataclasses.replace(run.data, **(data or {})),
            eval=dataclasses.replace(run.eval, **(evaluation or {})),
        )
        return cls(folder, given, run, use_ema, frozenset(data or ()))

    @property
    def split(self) -> str:
        """The split that is evaluated."""
        return self.config.eval.eval_split

    @property
    def averaging(self) -> Averaging:
        """Scales, flips and windows over which predictions are averaged."""
        return Averaging.from_config(self.config.eval, self.config.model)

    @functools.cached_property
    def dataset(self) -> DatasetInfo:
        """The data set to read; see `compatibility.checked_dataset` for errors."""
        return compatibility.checked_dataset(self.config, self.given)

    def build(self, averaging: Averaging | None = None) -> keras.Model:
        """The model, untrained, for images of any size; pooling follows each image.

        >>> Run.open("runs/first").build().output_shape
        (None, None, None, 3)

        Several scales to average over replace an image pyramid, as in the original.
        """
        config, averaging = self.config.model, averaging or self.averaging
        if config.image_pyramid is not None and not averaging.is_single:
            logging.info("The scales replace image_pyramid=%s.", config.image_pyramid)
            config = dataclasses.replace(config, image_pyramid=None)
        with predicting(self.config.eval.precision):
            return build_model(config)

    def restore(self, model: keras.Model, source: pathlib.Path | None = None) -> int:
        """Gives a model the run's weights, or those of another checkpoint of it.

        >>> run = Run.open("runs/first")
        >>> run.restore(run.build())
        10

        Returns:
            Their training step.

        Raises:
            RunFolderError: If there is none, it is another model's, or has no averages.
        """
        return run_folder.restore_model(model, source or self.source, self.use_ema)

    def model(self) -> keras.Model:
        """The trained model: `[batch, height, width, 3]` images 0..255 to logits.

        >>> Run.open("runs/first").model()(np.full((1, 33, 33, 3), 127.5)).shape[-1]
        3
        """
        model = self.build()
        self.restore(model)
        return model

    def predictor(self, on_all_devices: bool = False) -> Predictor:
        """An untrained model, on one or all devices, and its compiled predictions."""
        strategy = replicas.strategy() if on_all_devices else None
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = self.build()
        return Predictor(model, self.averaging, strategy)

    def num_images(self, split: str | None = None) -> int:
        """How many images a split has; the run's `eval_split` by default.

        >>> Run.open("runs/first").num_images()
        3
        """
        return self._records(split).size()

    def batches(self, split: str | None = None) -> Iterator[dict[str, Any]]:
        """The batches of a split; see `pipeline.evaluation_batches`.

        >>> sorted(next(Run.open("runs/first").batches("val")))
        ['image', 'label', 'name', 'size']

        Raises:
            DatasetError: If there is no such split, or a record is damaged, by name.
        """
        records, settings = self._records(split), self.config.eval
        sizes = settings.eval_batch_size, settings.eval_crop_size
        with records.record_errors():
            yield from pipeline.evaluation_batches(records, *sizes)

    def _records(self, split: str | None) -> pipeline.Split:
        info, data = self.dataset, self.config.data  # The first checks the folder.
        return pipeline.Split(info, str(data.dataset_dir), split or self.split, data)

    def predict(
        self, images: Iterable[np.ndarray], predictor: Predictor | None = None
    ) -> Iterator[np.ndarray]:
        """The classes of images' pixels, as `eval.py` and `vis.py` find them.

        >>> (labels,) = Run.open("runs/first").predict([np.zeros((9, 7, 3), np.uint8)])
        >>> labels.shape, labels.dtype
        ((9, 7), dtype('int32'))

        Args:
            images: `[height, width, 3]` uint8 RGB each; sizes may differ.
            predictor: What `predictor` made, restored; by default the run's weights.

        Yields:
            `[height, width]` int32 class ids, at the image's own size.
        """
        if predictor is None:
            predictor = self.predictor()
            self.restore(predictor.model)
        for image in images:
            batch = photos.batch(image, "", self.config.data, *self._padding)
            labels = next(evaluator.predicted(predictor, [batch])).prediction
            if labels.shape != image.shape[:2]:
                labels = np.asarray(resize_nearest(labels[None], image.shape[:2]))[0]
            yield labels

    def evaluate(
        self,
        split: str | None = None,
        predictor: Predictor | None = None,
        step: int = 0,
        images_csv: pathlib.Path | None = None,
        look: evaluator.Look | None = None,
    ) -> Result:
        """The scores on a split, with a progress line.

        >>> Run.open("runs/first").evaluate("val").num_images
        3

        Args:
            split: Its name; the run's `eval_split` by default.
            predictor: What `predictor` made, restored; by default the run's weights.
            step: The training step of the predictor's weights.
            images_csv: A file for the scores of each image.
            look: Sees each image as `evaluator.score` shows it.

        Raises:
            DatasetError: If there is no such split, it has no labels, or is damaged.
            EvaluationError: If its records have no labels, or one that is no class.
        """
        self._records(split := split or self.split).check_labels()
        if predictor is None:
            predictor = self.predictor(on_all_devices=True)
            step = self.restore(predictor.model)
        info, tolerance = self.dataset, self.config.eval.boundary_f_tolerance
        classes = info.num_classes, info.ignore_label
        with contextlib.ExitStack() as stack:
            progress = stack.enter_context(Progress(self.num_images(split)))
            heard = [lambda score: progress.advance()]
            if images_csv is not None:
                table = results.image_table(images_csv, tolerance is not None)
                heard.append(stack.enter_context(table))
            scorer = evaluator.Scorer(
                *classes, tolerance, lambda score: [hear(score) for hear in heard]
            )
            batches, at_once = self.batches(split), predictor.num_replicas
            evaluator.score(predictor, batches, scorer, at_once, look)
        return scorer.result(split, step, info.class_names)

    def photos(
        self,
        paths: Sequence[pathlib.Path],
        reader: Callable[[pathlib.Path], np.ndarray | None] = photos.read,
    ) -> Iterator[dict[str, Any]]:
        """Image files as batches, resized and padded as those of a split."""
        return photos.batches(paths, self.config.data, *self._padding, reader)

    @property
    def _padding(self) -> tuple[tuple[int, int], int]:
        """The size of padded images, and what their labels are there."""
        return self.config.eval.eval_crop_size, self.config.dataset.ignore_label

    def export(
        self,
        path: str | os.PathLike[str] | None = None,
        settings: ExportConfig | None = None,
    ) -> Export:
        """Writes the next version of an export in a folder; see `formats.write`.

        >>> settings = ExportConfig(crop_size=(33, 33))
        >>> Run.open("runs/first").export("exports", settings).folder.name
        '1'

        Args:
            path: The folder of all versions; `<run folder>/export` by default.
            settings: What the exported model does around the network, if anything.

        Raises:
            ExportError: If the folder is a version itself, or a format cannot be made.
            OutputError: If it cannot be written.
        """
        folder = local(path or self.folder / "export")
        versions.check(folder)
        output_folder(folder, "export_path")
        run, settings = self.config, settings or ExportConfig()
        averaging = Averaging(
            settings.inference_scales,
            settings.add_flipped_images,
            run.model.prediction_with_upsampled_logits,
        )
        step = self.restore(model := self.build(averaging))
        serving = assets.Serving(
            *(averaging, run.data, settings.crop_size, 1e6 * settings.max_megapixels),
            *({"step": step, "precision": run.eval.precision}, run.model),
            run.eval.eval_crop_size,
        )
        order = formats.Order(settings, run.eval.eval_crop_size, self._records)
        written = formats.write(model, folder, run.dataset, serving, order)
        return Export(written[0], step, model.count_params(), written[1])
