"""Why a login at the provider did not end with a session."""

from typing import Literal

Reason = Literal["state", "denied", "issuer", "discovery", "code", "token", "role"]
"""What was wrong.

`state`: the login did not begin in this browser, or too long ago. `denied`: the provider says no. `issuer`: the answer
is of another provider. `discovery`: the provider's document is no use. `code`: the code was not exchanged. `token`: the
identity token is forged, for another client or login, or over. `role`: the person has none here.
"""


class LoginRefusedError(Exception):
    """Nobody is let in. `detail` is for the audit log and holds nothing secret."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class ProviderAwayError(Exception):
    """The provider does not answer, or not as one."""
