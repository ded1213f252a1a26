"""One login from its beginning to a person: state, nonce and PKCE bind it to one browser."""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

import msgspec

from streamseg.console.access.openid.identity_token import UnknownKeyError, checked_claims
from streamseg.console.access.openid.people import Person, person_of
from streamseg.console.access.openid.provider import Provider
from streamseg.console.access.openid.refusals import LoginRefusedError
from streamseg.console.access.sessions import Signer
from streamseg.ports import ConsoleRole

LOGIN_SECONDS: Final = 600
"""Time to log in at the provider."""
USE: Final = "login"
"""What the signature of a begun login is for: no session can be made of one."""


class Begun(msgspec.Struct, frozen=True):
    """A login that has begun, kept in a signed cookie of the browser. `expires` is in epoch seconds."""

    state: str
    nonce: str
    verifier: str
    expires: int


_DECODER: Final = msgspec.json.Decoder(Begun)


class OpenIdLogins:
    """Logins at a provider.

    Args:
        provider: where people log in.
        signer: signs what the browser keeps meanwhile.
        redirect_uri: where the provider sends people back to.
        after_logout: where it sends them after a logout there.
        name: of the provider, for people.
        scopes: what is asked for.
        role_claim: see `person_of`.
        roles: see `person_of`.
        session_seconds: how long a session holds; the provider is not asked meanwhile.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        provider: Provider,
        signer: Signer,
        *,
        redirect_uri: str,
        after_logout: str,
        name: str,
        scopes: str,
        role_claim: str,
        roles: Mapping[str, ConsoleRole],
        session_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider, self._signer, self._clock = provider, signer, clock
        self._redirect_uri, self._after_logout = redirect_uri, after_logout
        self._scopes, self._role_claim, self._roles = scopes, role_claim, roles
        self.name, self.session_seconds = name, session_seconds

    async def check(self) -> None:
        """Read the provider's document. Raises `LoginRefusedError` for a wrong one, `ProviderAwayError`."""
        await self._provider.document()

    async def begin(self) -> tuple[str, str]:
        """Return the address to send the browser to, and the cookie that it keeps. Raises `ProviderAwayError`."""
        document = await self._provider.document()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, int(self._clock()) + LOGIN_SECONDS)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with(document["authorization_endpoint"], asked), self._signer.seal_text(USE, msgspec.json.encode(begun))

    async def finish(self, given: Mapping[str, str], cookie: str) -> Person:
        """Return who has logged in. Raises `LoginRefusedError`, `ProviderAwayError`.

        Args:
            given: what the provider sent the browser back with.
            cookie: what `begin` gave the browser.
        """
        begun = self._begun(cookie)
        if not secrets.compare_digest(begun.state.encode(), given.get("state", "").encode()):
            raise LoginRefusedError("state", "the answer is not for the login that this browser began")
        if "error" in given:
            raise LoginRefusedError("denied", f"the provider says {given['error'][:200]!r}")
        if given.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            raise LoginRefusedError("issuer", f"the answer is of {given['iss'][:200]!r}")
        if not given.get("code"):
            raise LoginRefusedError("code", "the answer has no code")
        token = await self._provider.exchange(given["code"], begun.verifier, self._redirect_uri)
        return person_of(await self._claims(token, begun.nonce), self._role_claim, self._roles)

    async def leaving(self) -> str | None:
        """Return where people log out at the provider too, None if nowhere. Raises `ProviderAwayError`."""
        end = (await self._provider.document()).get("end_session_endpoint")
        if not isinstance(end, str):
            return None
        return _with(end, {"client_id": self._provider.client_id, "post_logout_redirect_uri": self._after_logout})

    def _begun(self, cookie: str) -> Begun:
        body = self._signer.open_text(USE, cookie)
        if body is None:
            raise LoginRefusedError("state", "no login began in this browser, or its cookie is forged")
        begun = _DECODER.decode(body)
        if self._clock() >= begun.expires:
            raise LoginRefusedError("state", "the login began too long ago")
        return begun

    async def _claims(self, token: str, nonce: str) -> dict[str, object]:
        provider, now = self._provider, self._clock()
        for anew in (False, True):
            try:
                return checked_claims(
                    token, await provider.keys(anew=anew), issuer=provider.issuer, client_id=provider.client_id,
                    nonce=nonce, now=now,
                )  # fmt: skip
            except UnknownKeyError:
                continue
        raise LoginRefusedError("token", "it was signed by a key that the provider does not have")


def _with(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
