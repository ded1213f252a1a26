"""What can go wrong, by who has to act on it."""


class StreamsegError(Exception):
    """Base of every error that streamseg raises on purpose; its text is one line meant for a person."""


class SettingsError(StreamsegError):
    """A setting, topic or server is not fit to start with: the process prints the text and exits with 2."""


class StoreUnavailableError(StreamsegError):
    """The store did not answer or broke off; what the call has done is unknown."""


class FlushRefusedError(StreamsegError):
    """The partition belongs to another owner, or is at another flush number, than this worker believes."""


class LayoutMismatchError(StreamsegError):
    """A stored row has another layout or a newer format than this process reads."""
