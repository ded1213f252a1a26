"""From an identity token to a person with a role: claims, order of roles, keys that changed, begun logins. Issue 17."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from pydantic import ValidationError

from streamseg.console.access.login_limits import PER_ADDRESS
from streamseg.console.access.openid.identity_token import checked_claims
from streamseg.console.access.openid.logins import LOGIN_SECONDS, OpenIdLogins
from streamseg.console.access.openid.people import person_of
from streamseg.console.access.openid.provider import KEYS_AGAIN_SECONDS, Provider, provider_at
from streamseg.console.access.openid.refusals import LoginRefusedError
from streamseg.console.access.sessions import OPENID, Signer
from streamseg.embedded.child import free_port
from streamseg.ports import ConsoleRole
from streamseg.settings import ConsoleSettings
from tests.support.console import ServedConsole, served_console

ISSUER, CLIENT, NOW = "https://login.example", "console", 1_795_000_000.0
OLD, NEW = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("old", "new"))
ROLES: dict[str, ConsoleRole] = {"dpo": "privacy", "marketing": "editor", "staff": "viewer"}


def token(key: RSAKey = NEW, **claims: Any) -> str:
    given = {"iss": ISSUER, "aud": CLIENT, "sub": "1", "iat": int(NOW), "exp": int(NOW) + 60, "nonce": "n"} | claims
    return jwt.encode({"alg": "RS256", "kid": str(key.kid)}, given, key)


def checked(given: str, keys: list[RSAKey]) -> dict[str, Any]:
    public = dict(KeySet(list(keys)).as_dict(private=False))
    return checked_claims(given, public, issuer=ISSUER, client_id=CLIENT, nonce="n", now=NOW)


def test_a_token_for_this_login_is_taken_within_the_leeway() -> None:
    assert checked(token(exp=int(NOW) - 30), [NEW])["sub"] == "1"


@pytest.mark.parametrize(
    "claims",
    [{"exp": int(NOW) - 90}, {"nonce": None}, {"sub": ""}, {"aud": []}, {"iat": int(NOW) + 600}, {"azp": "other"}],
)
def test_a_token_that_lacks_something_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(LoginRefusedError) as refused:
        checked(token(**claims), [NEW])
    assert refused.value.reason == "token"


def test_a_shared_secret_signs_nothing() -> None:
    from joserfc.jwk import OctKey

    forged = jwt.encode({"alg": "HS256", "kid": "new"}, {"iss": ISSUER}, OctKey.import_key("a public key, as a secret"))
    with pytest.raises(LoginRefusedError, match="HS256"):
        checked(forged, [NEW])


class ProviderOfKeys(Provider):
    """One whose keys have changed since they were read."""

    def __init__(self) -> None:
        self.issuer, self.client_id, self.read = ISSUER, CLIENT, 0

    async def keys(self, *, anew: bool = False) -> dict[str, Any]:
        self.read += 1
        return dict(KeySet([NEW if anew else OLD]).as_dict(private=False))


def logins(provider: Provider, clock: Any = lambda: NOW) -> OpenIdLogins:
    return OpenIdLogins(
        provider, Signer(["s"]), redirect_uri="https://c.example/login/openid/return", after_logout="https://c.example",
        name="n", scopes="openid", role_claim="groups", roles=ROLES, session_seconds=60, clock=clock,
    )  # fmt: skip


@pytest.mark.asyncio
async def test_keys_are_read_again_for_a_token_of_an_unknown_key_and_once() -> None:
    provider = ProviderOfKeys()
    assert (await logins(provider)._claims(token(), "n"))["sub"] == "1"
    assert provider.read == 2
    stranger = RSAKey.generate_key(2048, {"kid": "strange", "use": "sig"})
    with pytest.raises(LoginRefusedError, match="a key that the provider does not have"):
        await logins(provider)._claims(token(stranger), "n")
    assert provider.read == 4


@pytest.mark.asyncio
async def test_unknown_keys_make_nobody_ask_the_provider_all_the_time() -> None:
    now, asked = [0.0], list[str]()

    class Counting(Provider):
        async def _read(self, address: str, *_: Any) -> dict[str, Any]:
            asked.append(address)
            return {"issuer": ISSUER} | dict.fromkeys(
                ("authorization_endpoint", "token_endpoint", "jwks_uri"), f"{ISSUER}/x"
            )

    provider = Counting(None, ISSUER, CLIENT, "s", lambda: now[0])  # type: ignore[arg-type]
    for _ in range(5):
        await provider.keys(anew=True)
    assert len(asked) == 2  # the document, and the keys
    now[0] += KEYS_AGAIN_SECONDS + 1
    await provider.keys(anew=True)
    assert len(asked) == 3


@pytest.mark.asyncio
async def test_a_login_that_takes_too_long_or_whose_cookie_is_forged_is_refused() -> None:
    now = [NOW]
    one = logins(ProviderOfKeys(), lambda: now[0])

    class WithDocument(ProviderOfKeys):
        async def document(self) -> dict[str, Any]:
            return {"authorization_endpoint": f"{ISSUER}/authorize?tenant=1"}

    one._provider = WithDocument()
    address, cookie = await one.begin()
    assert address.startswith(f"{ISSUER}/authorize?tenant=1&response_type=code&")
    assert "code_challenge_method=S256" in address
    state = one._begun(cookie).state
    last = "1" if cookie.endswith("0") else "0"
    for forged in ("", f"{cookie[:-1]}{last}", Signer(["s"]).seal_text("session", b"{}"), "é.é"):
        with pytest.raises(LoginRefusedError, match="state"):
            await one.finish({"state": state, "code": "c"}, forged)
    with pytest.raises(LoginRefusedError, match="issuer"):
        await one.finish({"state": state, "code": "c", "iss": "https://other.example"}, cookie)
    now[0] += LOGIN_SECONDS
    with pytest.raises(LoginRefusedError, match="too long ago"):
        await one.finish({"state": state, "code": "c"}, cookie)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "document",
    [{"issuer": "https://other.example"}, {"issuer": ISSUER}, {"issuer": ISSUER, "token_endpoint": "http://x.example"}],
)
async def test_a_document_of_somebody_else_or_without_tls_is_refused(document: dict[str, Any]) -> None:
    class Other(Provider):
        async def _read(self, *_: Any) -> dict[str, Any]:
            return {"authorization_endpoint": f"{ISSUER}/a", "jwks_uri": f"{ISSUER}/k"} | document

    with pytest.raises(LoginRefusedError):
        await Other(None, ISSUER, CLIENT, "s").document()  # type: ignore[arg-type]


def test_the_first_role_of_the_table_that_a_person_has_is_theirs() -> None:
    claims = {"sub": "1", "name": "Ann\n", "groups": ["staff", "marketing"], "realm": {"roles": ["dpo"]}, "d": "staff"}
    assert person_of(claims, "groups", ROLES).role == "editor"
    assert person_of(claims, "realm.roles", ROLES).role == "privacy"
    assert person_of(claims, "d", ROLES).role == "viewer"
    assert person_of({"sub": "1", "https://x.example/roles": ["dpo"]}, "https://x.example/roles", ROLES).name == "1"
    assert person_of(claims, "groups", ROLES).name == "Ann"
    for claim in ("none", "realm", "groups.x", "sub"):
        with pytest.raises(LoginRefusedError, match="role"):
            person_of(claims, claim, ROLES)


def test_an_address_decides_only_when_the_provider_verified_it() -> None:
    claims = {"sub": "1", "email": "ann@shop.example"}
    roles: dict[str, ConsoleRole] = {"ann@shop.example": "editor"}
    assert person_of(claims | {"email_verified": True}, "email", roles).role == "editor"
    for unverified in ({}, {"email_verified": False}, {"email_verified": "true"}):
        with pytest.raises(LoginRefusedError, match="not verified"):
            person_of(claims | unverified, "email", roles)


def test_a_provider_needs_the_address_of_the_console() -> None:
    given = {"issuer": ISSUER, "client_id": "c", "client_secret": "s", "roles": ROLES}
    ConsoleSettings.model_validate({"openid": given, "public_url": "https://c.example"})
    with pytest.raises(ValidationError, match="openid needs public_url"):
        ConsoleSettings.model_validate({"openid": given})


@pytest.mark.asyncio
async def test_a_provider_that_is_away_keeps_nobody_from_logging_in_with_a_key() -> None:
    async with (
        provider_at(f"http://127.0.0.1:{free_port()}", CLIENT, "s") as provider,
        served_console(openid=logins(provider)) as served,
    ):
        async with served.client() as client:
            answer = await client.get("/login/openid")
            assert answer.status_code == 503
            assert "n does not answer at the moment" in answer.text
            assert "/login/openid" in (await client.get("/login?left")).text
        async with served.logged_in("viewer") as client:
            assert (await client.get("/audiences")).status_code == 200


@pytest.mark.asyncio
async def test_attempts_at_the_provider_are_limited_and_so_is_the_audit_log() -> None:
    async with served_console(openid=logins(ProviderOfKeys())) as served, served.client() as client:
        answers = [(await client.get("/login/openid/return?state=x")).status_code for _ in range(PER_ADDRESS + 1)]
        assert answers == [403] * PER_ADDRESS + [429]
        assert len(await served.audit.latest(100)) == PER_ADDRESS


async def page_of(served: ServedConsole) -> int:
    async with served.client() as client:
        session = served.gate.welcome(person_of({"sub": "1", "g": "dpo"}, "g", ROLES), 60)
        assert session.key_id == f"{OPENID}1"
        cookie = f"streamseg-console={served.gate._signer.seal(session)}"
        return (await client.get("/audiences", headers={"Cookie": cookie})).status_code


@pytest.mark.asyncio
async def test_a_session_of_the_provider_holds_only_while_it_is_in_the_settings() -> None:
    async with served_console() as served:
        assert await page_of(served) == 303
        served.gate._openid = True
        assert await page_of(served) == 200
