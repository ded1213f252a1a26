"""A small OpenID Connect provider as a process, on Authlib's server side: codes with PKCE, RS256, discovery, keys.

People log in with a name and no password. Some names make it lie in one respect, as a forged or broken provider would.

    python -m tests.support.openid_provider PORT REDIRECT_URI
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, Final
from urllib.parse import unquote

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import KeySet, RSAKey

from streamseg.embedded.child import free_port, listens
from tests.support.processes import until

CLIENT_ID, CLIENT_SECRET = "the-console", "a secret of the console: 100% +&= ü"
PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "ann": {"name": "Ann Marketing", "groups": ["everybody", "marketing"]},
    "dora": {"name": "Dora Privacy", "groups": ["marketing", "data-protection"]},
    "guest": {"name": "A Guest", "groups": ["everybody"]},
    "wrong-nonce": {"nonce": "of another login", "groups": ["marketing"]},
    "wrong-audience": {"aud": ["another-client"], "groups": ["marketing"]},
    "shared-audience": {"aud": [CLIENT_ID, "another-client"], "groups": ["marketing"]},
    "wrong-issuer": {"iss": "https://another.example", "groups": ["marketing"]},
    "expired": {"iat": 1_000_000_000, "exp": 1_000_000_300, "groups": ["marketing"]},
    "wrong-key": {"groups": ["marketing"]},
    "unsigned": {"groups": ["marketing"]},
}


@dataclass
class Code:
    """A code that was given, until it is exchanged."""

    code: str
    user: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    get_amr = get_acr


@dataclass(frozen=True)
class Client:
    """The console as the provider knows it."""

    redirect_uri: str

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, given: str) -> bool:
        return given == self.redirect_uri

    def check_client_secret(self, given: str) -> bool:
        return unquote(given) == CLIENT_SECRET  # RFC 6749, 2.3.1: encoded as in a form; Authlib leaves that to us

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Provider:
    """The provider: its keys, and the codes that are not exchanged yet."""

    def __init__(self, port: int, redirect_uri: str) -> None:
        self.issuer, self.client, self.codes = f"http://127.0.0.1:{port}", Client(redirect_uri), dict[str, Code]()
        self.key, self.other = (
            RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}) for _ in range(2)
        )

    def grant(self) -> type[AuthorizationCodeGrant]:
        codes = self.codes

        class Grant(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

            def save_authorization_code(self, code: str, request: Any) -> None:
                given = request.payload.data
                challenge = given.get("code_challenge"), given.get("code_challenge_method")
                codes[code] = Code(
                    code, request.user, given["redirect_uri"], given["scope"], given.get("nonce"), *challenge
                )

            def query_authorization_code(self, code: str, _: Any) -> Code | None:
                return codes.get(code)

            def delete_authorization_code(self, authorization_code: Code) -> None:
                del codes[authorization_code.code]

            def authenticate_user(self, authorization_code: Code) -> str:
                return authorization_code.user

        return Grant

    def identity(self) -> OpenIDCode:
        provider = self

        class Identity(OpenIDCode):  # type: ignore[misc]  # Authlib has no types
            def exists_nonce(self, nonce: str, _: Any) -> bool:
                return any(one.nonce == nonce for one in provider.codes.values())

            def encode_id_token(self, token: Any, request: Any) -> str:
                flask.g.user = request.user
                return str(super().encode_id_token(token, request))

            def get_client_claims(self, _: Any) -> dict[str, Any]:
                return {"iss": provider.issuer}

            def get_encode_header(self, _: Any) -> dict[str, str]:
                return {"alg": self.get_client_algorithm(None), "kid": "one"}

            def get_client_algorithm(self, _: Any) -> str:
                return "none" if flask.g.user == "unsigned" else "RS256"

            def resolve_client_private_key(self, _: Any) -> RSAKey:
                return provider.other if flask.g.user == "wrong-key" else provider.key

            def generate_user_info(self, user: str, _: str) -> dict[str, Any]:
                return {"sub": f"id-of-{user}", **PEOPLE[user]}

        return Identity(require_nonce=True)

    def discovery(self) -> Any:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def keys(self) -> Any:
        return dict(KeySet([self.key]).as_dict(private=False))


def serve(port: int, redirect_uri: str) -> None:
    """Serve until the process ends."""
    provider, app = Provider(port, redirect_uri), flask.Flask(__name__)
    clients = {CLIENT_ID: provider.client}
    server = AuthorizationServer(app, query_client=clients.get, save_token=lambda *_: None)
    server.register_grant(provider.grant(), [CodeChallenge(required=True), provider.identity()])

    def ask() -> Any:
        server.get_consent_grant(end_user="somebody")
        buttons = "".join(f"<button name=answer value={one}>{one}</button>" for one in ("yes", "no"))
        return f"<form method=post><input name=user id=user>{buttons}</form>"

    def answer() -> Any:
        given, grant = flask.request.form, server.get_consent_grant(end_user="somebody")
        user = given["user"] if given["answer"] == "yes" else None
        return server.create_authorization_response(grant=grant, grant_user=user)

    app.get("/.well-known/openid-configuration")(provider.discovery)
    app.get("/keys")(provider.keys)
    app.get("/authorize")(ask)
    app.post("/authorize")(answer)
    app.post("/token")(server.create_token_response)
    app.get("/end")(lambda: f"Logged out of {flask.request.args['client_id']}")
    app.run("127.0.0.1", port, threaded=False)


@contextmanager
def openid_provider(redirect_uri: str, log: Path) -> Iterator[str]:
    """Run the provider; yield its issuer."""
    port = free_port()
    with log.open("ab") as out:
        process = Popen(
            [sys.executable, "-m", "tests.support.openid_provider", str(port), redirect_uri], stdout=out, stderr=out
        )
        try:
            until(lambda: listens(port), "the provider to listen", 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
