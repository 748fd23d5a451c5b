"""What a client is told."""


class RequestError(Exception):
    """A request that is not answered: an HTTP status and a sentence."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


class ServingError(ValueError):
    """A service that cannot be started."""
