"""Talks to the provider: its discovery document, its keys, and the exchange of a code for an identity token."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp

from streamseg.console.access.openid.refusals import LoginRefusedError, ProviderAwayError

TIMEOUT_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 1_048_576
DISCOVERY_SECONDS: Final = 3600.0
"""How long the discovery document and the keys are kept."""
KEYS_AGAIN_SECONDS: Final = 10.0
"""Least time between two readings of the keys: each token with an unknown key makes us read them."""
NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def is_private(address: str) -> bool:
    """Return whether nobody on the way can read or change what is sent: TLS, or this machine alone."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL))


class Provider:
    """The provider of one issuer.

    Args:
        session: sends the requests.
        issuer: its name, which is the address of its discovery document without `/.well-known/openid-configuration`.
        client_id: the console's name at the provider.
        client_secret: the console's secret there.
        clock: seconds, for what is kept.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        issuer: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self.issuer, self.client_id = session, issuer, client_id
        self._secret, self._clock = client_secret, clock
        self._document: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, dict[str, Any]] | None = None

    async def document(self) -> Mapping[str, Any]:
        """Return the discovery document. Raises `ProviderAwayError`, `LoginRefusedError` for one of somebody else."""
        if self._document is None or self._clock() - self._document[0] > DISCOVERY_SECONDS:
            found = await self._read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise LoginRefusedError("issuer", f"the discovery document is of {str(found.get('issuer'))[:200]!r}")
            for name in NEEDED:
                if not isinstance(found.get(name), str) or not is_private(found[name]):
                    raise LoginRefusedError("discovery", f"the discovery document has no {name} over TLS")
            self._document = self._clock(), found
        return self._document[1]

    async def keys(self, *, anew: bool = False) -> Mapping[str, Any]:
        """Return the keys that sign its tokens (a JWK set), with `anew` read again. Raises `ProviderAwayError`."""
        keeps = KEYS_AGAIN_SECONDS if anew else DISCOVERY_SECONDS
        if self._keys is None or self._clock() - self._keys[0] > keeps:
            self._keys = self._clock(), await self._read((await self.document())["jwks_uri"])
        return self._keys[1]

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the identity token for a code, which the provider takes once. Raises `LoginRefusedError`."""
        document = await self.document()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if "client_secret_basic" in methods:
            auth = aiohttp.BasicAuth(quote(self.client_id, safe=""), quote(self._secret, safe=""))
        else:
            fields |= {"client_id": self.client_id, "client_secret": self._secret}
        answer = await self._read(document["token_endpoint"], fields, auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise LoginRefusedError("code", f"the provider gave no identity token: {str(answer.get('error'))[:200]}")
        return token

    async def _read(
        self, address: str, fields: Mapping[str, str] | None = None, auth: aiohttp.BasicAuth | None = None
    ) -> dict[str, Any]:
        """Return the JSON object that an address answers with, also with that of a refusal (status 400 or 401)."""
        try:
            async with self._session.request(
                "GET" if fields is None else "POST", address, data=fields, auth=auth, allow_redirects=False,
                headers={"Accept": "application/json"},
            ) as answer:  # fmt: skip
                body = b""
                async for part in answer.content.iter_chunked(65_536):
                    body += part
                    if len(body) > LARGEST_ANSWER:
                        raise ProviderAwayError(f"{address} answers with more than {LARGEST_ANSWER} bytes")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProviderAwayError(f"{self.issuer} does not answer: {error or type(error).__name__}") from None
        refused = fields is not None and answer.status in {400, 401}
        if answer.status != 200 and not refused:  # noqa: PLR2004 - of HTTP
            raise ProviderAwayError(f"{address} answers with status {answer.status}")
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ProviderAwayError(f"{address} does not answer with a JSON object")
        return found


@asynccontextmanager
async def provider_at(issuer: str, client_id: str, client_secret: str) -> AsyncIterator[Provider]:
    """Yield the provider, with connections of its own. Proxies of the environment are used."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
    ) as session:
        yield Provider(session, issuer, client_id, client_secret)
