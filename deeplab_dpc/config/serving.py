"""What a service serves, where, and how much it takes at once."""

import dataclasses

from deeplab_dpc.config.export import MAX_MEGAPIXELS
from deeplab_dpc.settings import Config, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeConfig(Config):
    """What a service serves, where, and how much it takes at once."""

    model: tuple[str, ...] | None = setting(
        None,
        "What `deeplab-dpc predict --model` takes, under its own name, or as NAME=PATH "
        "under another; the flag may be repeated.",
        repeatable=True,
    )
    classes: str | None = setting(
        None,
        "The classes, where a model does not know them: the name of a known data set, "
        "or a folder with a dataset.json.",
    )
    host: str = setting(
        "127.0.0.1",
        "The address to listen at: this machine alone, or 0.0.0.0 for all networks. "
        "There are no passwords: who reaches it may use it.",
    )
    port: int = setting(
        8501, "The port to listen at; 0: any.", at_least=0, at_most=65535
    )
    batch_size: int = setting(
        4, "Images that wait and have one size are seen at once, so many.", at_least=1
    )
    max_megapixels: float = setting(
        MAX_MEGAPIXELS,
        "A request has at most so many millions of pixels; each takes about 0.3 GB of "
        "memory while the model sees it.",
        at_least=0.001,
    )
    max_images: int = setting(
        64, "A request has at most so many images, however small.", at_least=1
    )
    max_body_megabytes: float = setting(
        16.0, "A request's body has at most so many megabytes.", at_least=0.001
    )
    max_reply_megabytes: float = setting(
        400.0,
        "Replies that their clients have not read yet have at most so many megabytes "
        "together; large ones beyond are refused.",
        at_least=0.001,
    )
    queue_length: int = setting(
        64, "So many requests wait for the models; more are refused.", at_least=1
    )
    read_timeout_s: float = setting(
        10.0, "A request must arrive within so many seconds.", at_least=0.1
    )
    timeout_s: float = setting(
        60.0, "A request that arrived is answered within so many seconds.", at_least=0.1
    )
