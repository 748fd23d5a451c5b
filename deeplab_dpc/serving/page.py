"""The page on which people try a service."""

from collections.abc import Iterable

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.reports import pages
from deeplab_dpc.serving.models import Model


def page(models: Iterable[Model], config: ServeConfig) -> str:
    """A page that asks the service it came from, and nobody else, for the classes of
    photos, by the models that are loaded.
    """
    loaded = [
        {"name": model.name, "classes": _classes(model)}
        for model in models
        if model.segmenter is not None
    ]
    return pages.render(
        "service.html.j2",
        models=loaded,
        max_bytes=int(1e6 * config.max_body_megabytes),
        max_megabytes=f"{config.max_body_megabytes * 3 / 4:g}",
        max_megapixels=f"{config.max_megapixels:g}",
    )


def _classes(model: Model) -> list[dict[str, object]]:
    assert model.segmenter is not None
    palette = model.segmenter.palette
    named = zip(palette.names, palette.colors)
    return [{"name": name, "color": list(color)} for name, color in named]
