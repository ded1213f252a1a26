"""Defines the errors that streamseg raises, by who must act on them."""


class StreamsegError(Exception):
    """Base of all errors that streamseg raises on purpose. The text is one line for a person to read."""


class SettingsError(StreamsegError):
    """A setting, topic or server prevents the start: the process prints the text and exits with code 2."""


class NotFoundError(StreamsegError):
    """There is nothing with the given id or name."""


class ServerUnavailableError(StreamsegError):
    """Kafka or Redis did not answer: the same call may succeed later."""


class StoreUnavailableError(ServerUnavailableError):
    """The store did not answer or the connection broke: it is unknown whether the call took effect."""


class PartlyWrittenError(StoreUnavailableError):
    """Some nodes of the store did not answer, the others did.

    Args:
        customers: those of whom it is unknown whether anything was written.
        overtaken: what the call returns, of the others.
    """

    def __init__(self, text: str, customers: frozenset[str], overtaken: set[tuple[str, int]]) -> None:
        super().__init__(text)
        self.customers = customers
        self.overtaken = overtaken


class StoreLoginError(StoreUnavailableError):
    """The store refuses our login, or forbids what we do: its settings and ours differ."""


class FlushRefusedError(StreamsegError):
    """The store refused a flush: the partition has another owner or flush number than this worker's lease."""


class LayoutMismatchError(StreamsegError):
    """A stored row is damaged, or has a layout or format that this process cannot read."""


class RecordRefusedError(StreamsegError):
    """A server refuses a record for good: sending it again does not help."""
