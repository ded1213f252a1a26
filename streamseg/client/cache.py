"""The client's answers, and a cache of them that never keeps one that may be outdated."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store holds for a customer; `as_of` is in epoch seconds, None when it holds nothing."""

    customer_id: str
    segments: tuple[str, ...] = ()
    as_of: int | None = None
    membership: dict[str, Any] = field(default_factory=dict)
    """The stored string, decoded; empty when there is none."""
    audiences: tuple[str, ...] = ()
    """Ids of the audiences; in the ads view, of those for ads that are large enough."""

    @property
    def known(self) -> bool:
        """Whether there is a membership (in the ads view: at least one segment or audience)."""
        return self.as_of is not None

    @classmethod
    def decode(cls, customer_id: str, stored: bytes | None) -> Self:
        """Return the answer that a stored string of either view holds; None stands for a missing string.

        >>> Answer.decode("c-81", b'{"as_of":1795415998,"segments":["behaviour-k7q2"]}').segments
        ('behaviour-k7q2',)
        >>> Answer.decode("c-81", b'{"as_of":1795415998,"segments":{},"audiences":["win-back"]}').audiences
        ('win-back',)
        >>> Answer.decode("c-82", None).known
        False
        """
        if stored is None:
            return cls(customer_id)
        document = json.loads(stored)
        segments = document["segments"]
        ids = segments if isinstance(segments, list) else [each["id"] for each in segments.values() if each is not None]
        return cls(customer_id, tuple(ids), document["as_of"], document, tuple(document.get("audiences", ())))


class Cache:
    """Answers by customer, kept for `seconds`; evicts the least recently used. Thread-safe."""

    def __init__(self, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._size = size
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._reads: dict[str, object] = {}
        self._lock = threading.Lock()

    def get(self, customer_id: str) -> Answer | None:
        """Return the answer that is kept for the customer, if any."""
        with self._lock:
            expires, answer = self._kept.get(customer_id, (0.0, None))
            if answer is None or expires < time.monotonic():
                return None
            self._kept.move_to_end(customer_id)
            return answer

    @contextmanager
    def reading(
        self, customer_ids: Sequence[str], keeps: Callable[[str], bool] = lambda _: True
    ) -> Iterator[Callable[[Sequence[bytes | None]], dict[str, Answer]]]:
        """Surround a read; yields a function that turns the strings read into answers.

        It keeps each answer that `keeps` allows when the read begins, unless it was dropped since then: it may be
        outdated already.
        """
        token = object()
        if self._seconds > 0:
            kept = [each for each in customer_ids if keeps(each)]
            with self._lock:
                self._reads |= dict.fromkeys(kept, token)
        try:
            yield lambda strings: self._take(customer_ids, strings, token)
        finally:
            with self._lock:
                for each in customer_ids:
                    if self._reads.get(each) is token:
                        del self._reads[each]

    def _take(self, customer_ids: Sequence[str], strings: Sequence[bytes | None], token: object) -> dict[str, Answer]:
        answers = {each: Answer.decode(each, stored) for each, stored in zip(customer_ids, strings, strict=True)}
        with self._lock:
            for customer_id, answer in answers.items():
                if self._reads.get(customer_id) is token:
                    self._kept[customer_id] = (time.monotonic() + self._seconds, answer)
                    self._kept.move_to_end(customer_id)
                    if len(self._kept) > self._size:
                        self._kept.popitem(last=False)
        return answers

    def drop(self, customer_id: str) -> None:
        """Forget the customer's answer, and do not keep the one of a read under way."""
        with self._lock:
            self._kept.pop(customer_id, None)
            self._reads.pop(customer_id, None)

    def clear(self) -> None:
        """Forget all answers, and keep none of the reads under way."""
        with self._lock:
            self._kept.clear()
            self._reads.clear()
