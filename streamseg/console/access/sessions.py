"""Sessions without a store: what a login proved, signed, in a cookie; and tokens against forged requests."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

SESSION_SECONDS: Final = 12 * 3600
"""A login with a key holds for a working day."""
OPENID: Final = "openid:"


class Session(msgspec.Struct, frozen=True):
    """Who has logged in, by which key, and until when (epoch seconds). `nonce` tells sessions of one key apart.

    `key_id` of a login at a provider is `OPENID` and the provider's name of the person.
    """

    key_id: str
    name: str
    role: str
    expires: int
    nonce: str


_DECODER: Final = msgspec.json.Decoder(Session)


def new_session(key_id: str, name: str, role: str, now: float, seconds: int = SESSION_SECONDS) -> Session:
    """Return a session that begins now, epoch seconds, and holds for `seconds`."""
    return Session(key_id, name, role, int(now) + seconds, secrets.token_urlsafe(16))


class Signer:
    """Signs sessions and makes their tokens (HMAC-SHA256).

    Args:
        signing: the first secret signs; a signature by any of them is accepted. None: a random one of this process.
    """

    def __init__(self, signing: Sequence[str] = ()) -> None:
        self._secrets = [one.encode() for one in signing] or [secrets.token_bytes(32)]

    def seal(self, session: Session) -> str:
        """Return the value of the cookie."""
        return self.seal_text("session", msgspec.json.encode(session))

    def open(self, cookie: str, now: float) -> Session | None:
        """Return the session of a cookie; None if it is forged, damaged or over."""
        text = self.open_text("session", cookie)
        try:
            session = None if text is None else _DECODER.decode(text)
        except msgspec.MsgspecError:
            return None
        return session if session is not None and now < session.expires else None

    def seal_text(self, use: str, text: bytes) -> str:
        """Return a signed text that a browser can keep. What is signed for one use is refused for another."""
        body = urlsafe_b64encode(text).decode()
        return f"{body}.{self._mac(use, body)}"

    def open_text(self, use: str, sealed: str) -> bytes | None:
        """Return the text; None if it is forged or damaged, or was signed for another use."""
        body, _, given = sealed.partition(".")
        if not self._is_mac(use, body, given):
            return None
        try:
            return urlsafe_b64decode(body)
        except ValueError:
            return None

    def token(self, session: Session) -> str:
        """Return the token that forms of this session must send."""
        return self._mac("form", session.nonce)

    def is_token(self, session: Session, given: str) -> bool:
        """Return whether a form was made for this session."""
        return self._is_mac("form", session.nonce, given)

    def _is_mac(self, use: str, text: str, given: str) -> bool:
        found = [given.isascii() and hmac.compare_digest(_mac(one, use, text), given) for one in self._secrets]
        return any(found)

    def _mac(self, use: str, text: str) -> str:
        return _mac(self._secrets[0], use, text)


def _mac(secret: bytes, use: str, text: str) -> str:
    return hmac.new(secret, f"{use}:{text}".encode(), sha256).hexdigest()
