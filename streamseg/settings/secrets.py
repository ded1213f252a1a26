"""Checks of secrets: empty and short ones are refused at the start."""

from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, SecretStr

MIN_SECRET_BYTES: Final = 16
"""Of a secret that hashes are made with: shorter ones can be found by trying."""


def _not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("is empty: set the password, or leave the setting out")
    return secret


def _strong(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value.strip():
        raise ValueError("is empty: anybody could compute its hashes")
    if value != value.strip():
        raise ValueError("starts or ends with white space: the shop's server would hardly use the same secret")
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"is too short: a secret needs at least {MIN_SECRET_BYTES} bytes")
    return secret


def check_url_password(url: str) -> str:
    """Return the URL. Raises `ValueError` when it has an empty password."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return url  # the check of the address names what is wrong
    if password is not None and not unquote(password).strip():
        raise ValueError("its password is empty: write one after the colon, or leave the colon out")
    return url


Password = Annotated[SecretStr, AfterValidator(_not_blank)]
"""A password that a server has set, so only its absence can be checked."""
StrongSecret = Annotated[SecretStr, AfterValidator(_strong)]
"""A secret of our own that hashes are made with."""
