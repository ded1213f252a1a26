"""API keys are stored as hashes, and rotated by name within one kind."""

from dataclasses import replace

import pytest

from streamseg.errors import StreamsegError
from streamseg.service.key_issuing import check_free, digest, issue, issue_successor


def test_a_key_is_stored_only_as_its_digest() -> None:
    key, plain = issue("shop", "secret", 100.0)
    assert plain.startswith("sk_")
    assert (key.digest, key.created, key.expires) == (digest(plain), 100, None)
    assert plain not in repr(key)


def test_a_successor_ends_the_old_keys_after_the_overlap() -> None:
    old, _ = issue("page", "publishable", 100.0)
    expiring = replace(issue("page", "publishable", 100.0)[0], expires=150)
    expired = replace(issue("page", "publishable", 1.0)[0], expires=50)
    changed, plain = issue_successor([old, expiring, expired, issue("shop", "secret", 1.0)[0]], "page", 110.0, 60.0)
    assert plain.startswith("pk_")
    assert [(key.name, key.kind, key.expires) for key in changed] == [
        ("page", "publishable", None),
        ("page", "publishable", 170),
        ("page", "publishable", 150),
    ]
    with pytest.raises(StreamsegError, match="no key named"):
        issue_successor([expired], "page", 110.0, 60.0)


def test_a_name_is_free_for_a_kind_unless_a_valid_key_of_the_other_kind_has_it() -> None:
    secret, _ = issue("shop", "secret", 100.0)
    check_free([secret], "shop", "secret", 110.0)
    check_free([secret], "page", "publishable", 110.0)
    check_free([replace(secret, expires=105)], "shop", "publishable", 110.0)
    with pytest.raises(StreamsegError, match="other kind"):
        check_free([secret], "shop", "publishable", 110.0)
