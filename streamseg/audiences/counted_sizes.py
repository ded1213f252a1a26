"""The sizes of audiences as the trainer sums them up, and which audiences they are large enough for."""

from collections.abc import Mapping

import msgspec

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import MINIMUM_SIZE


class AudienceSizes(msgspec.Struct, frozen=True):
    """Members of each audience by id; empty ones are left out. `as_of` is wall time, epoch seconds."""

    as_of: int = 0
    sizes: Mapping[str, int] = {}
    consented: Mapping[str, int] = {}
    """Of these, members who consent to the purpose of the audience."""

    @classmethod
    def decode(cls, encoded: bytes | None) -> "AudienceSizes":
        """Read what `encode` wrote; None is before the first count. Raises `ValueError`."""
        return cls() if encoded is None else msgspec.json.decode(encoded, type=cls)

    def encode(self) -> bytes:
        """Return the sizes as JSON."""
        return msgspec.json.encode(self)

    def is_too_small(self, audience: str, minimum_size: int) -> bool:
        """Return whether fewer members consent than the audience asks for: then nobody may see who they are.

        Who consents counts, since only they are shown: of a large group of whom hardly anybody consents these few
        would be shown.
        """
        return self.consented.get(audience, 0) < minimum_size

    def large_enough(self, declared: DeclaredAudiences, purpose: str) -> frozenset[str]:
        """Return the ids of the audiences for a purpose that are not too small."""
        return frozenset(
            one.id
            for one in declared.live
            if one.definition["purpose"] == purpose
            and not self.is_too_small(one.id, one.definition.get("minimum_size", MINIMUM_SIZE))
        )
