"""Checks an identity token: who signed it, for whom, for which login, and until when."""

from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from streamseg.console.access.openid.refusals import LoginRefusedError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by a key that only the provider has. `none`, and those by a shared secret, are not among them."""
_REGISTRY: Final = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
LEEWAY_SECONDS: Final = 60
"""By which the clocks of the provider and of this machine may differ."""


class UnknownKeyError(Exception):
    """The token was signed by a key that is not among those that were read."""


def checked_claims(
    token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """Return the claims of a token. Raises `LoginRefusedError`, or `UnknownKeyError` when the keys are too old."""
    try:
        key_set = KeySet.import_key_set({"keys": [one for one in keys.get("keys", ()) if _is_public_key(one)]})
        decoded = jwt.decode(token, key_set, registry=_REGISTRY)
    except InvalidKeyIdError:
        raise UnknownKeyError from None
    except (JoseError, ValueError, TypeError) as error:
        raise LoginRefusedError("token", f"signature: {_said(error)}") from None
    claims = decoded.claims
    try:
        jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise LoginRefusedError("token", _said(error)) from None
    others = isinstance(claims["aud"], list) and set(claims["aud"]) != {client_id}
    if claims.get("azp", None if others else client_id) != client_id:
        raise LoginRefusedError("token", "azp: it was issued to another client")
    return dict(claims)


def _is_public_key(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"


def _said(error: Exception) -> str:
    claim = getattr(error, "claim", None)
    return f"{claim}: {type(error).__name__}" if claim else str(error)[:200] or type(error).__name__
