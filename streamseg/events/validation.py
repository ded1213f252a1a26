"""Validates one value with its pydantic model, and explains the first error without quoting the record.

This is the slow path: it takes the values that the fast reader (`fast.py`) refuses.
"""

from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from streamseg.events.fields import MERGED_FROM
from streamseg.events.rejection import Reason, RejectionError
from streamseg.events.types import EVENT_TYPES, Item, Purposes

Model = TypeVar("Model", bound=BaseModel)

_MODELS: Final[tuple[type[BaseModel], ...]] = (*EVENT_TYPES, Item, Purposes)
_FIELD_NAMES: Final = {name for model in _MODELS for name in model.model_fields}


def validated(model: type[Model], value: bytes) -> Model:
    """Return the value as its model. Raises `RejectionError` with the first error."""
    if value[:1] == b"\0":
        detail = "value: starts with a schema registry's prefix; send plain JSON"
        raise RejectionError(Reason.UNSUPPORTED_ENVELOPE, detail)
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        raise _rejection(error) from None


def _rejection(error: ValidationError) -> RejectionError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return RejectionError(Reason.NOT_JSON, f"value: {first['msg']}")
    reason = Reason.MERGED_FROM if first["type"] == MERGED_FROM else Reason.SCHEMA
    return RejectionError(reason, f"{_path(first['loc'])}: {first['msg']}")


def _path(location: tuple[int | str, ...]) -> str:
    """Return the path of a field. A name chosen by the producer (a trait) may be personal data and becomes `*`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in _FIELD_NAMES:
            path += f".{part}"
        else:
            return f"{path[1:]}.*"
    return path[1:] or "value"
