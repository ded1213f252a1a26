"""Keys are made once, replaced by name, and never by another kind."""

from dataclasses import replace

import pytest

from streamseg.errors import StreamsegError
from streamseg.service.key_issuing import check_free, digest, issue, succeed


def test_a_key_is_stored_as_its_digest() -> None:
    key, plain = issue("shop", "secret", 100.0)
    assert plain.startswith("sk_")
    assert (key.digest, key.created, key.expires) == (digest(plain), 100, None)
    assert plain not in repr(key)


def test_a_successor_lets_the_old_ones_run_out() -> None:
    old, _ = issue("page", "publishable", 100.0)
    ending = replace(issue("page", "publishable", 100.0)[0], expires=150)
    gone = replace(issue("page", "publishable", 1.0)[0], expires=50)
    changed, plain = succeed([old, ending, gone, issue("shop", "secret", 1.0)[0]], "page", 110.0, 60.0)
    assert plain.startswith("pk_")
    assert [(key.name, key.kind, key.expires) for key in changed] == [
        ("page", "publishable", None),
        ("page", "publishable", 170),
        ("page", "publishable", 150),
    ]
    with pytest.raises(StreamsegError, match="no key named"):
        succeed([gone], "page", 110.0, 60.0)


def test_a_name_belongs_to_one_kind() -> None:
    secret, _ = issue("shop", "secret", 100.0)
    check_free([secret], "shop", "secret", 110.0)
    check_free([secret], "page", "publishable", 110.0)
    check_free([replace(secret, expires=105)], "shop", "publishable", 110.0)
    with pytest.raises(StreamsegError, match="other kind"):
        check_free([secret], "shop", "publishable", 110.0)
