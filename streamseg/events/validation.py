"""Validates one value with its pydantic model, and explains the first error without quoting the record.

This is the slow path: it takes the values that the fast reader (`fast.py`) refuses.
"""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from streamseg.events.adjusting import adjust
from streamseg.events.fields import MERGED_FROM
from streamseg.events.rejection import Reason, RejectionError
from streamseg.events.types import EVENT_TYPES, Item, Purposes

Model = TypeVar("Model", bound=BaseModel)

_MODELS: Final[tuple[type[BaseModel], ...]] = (*EVENT_TYPES, Item, Purposes)
_FIELD_NAMES: Final = {name for model in _MODELS for name in model.model_fields}
_PASSES: Final = 5
"""Validations after an adjustment. A line with three faults in a row, such as a list of too many, needs four."""


def validated(model: type[Model], value: bytes) -> Model:
    """Return the value as its model. Raises `RejectionError` with the first error."""
    if value[:1] == b"\0":
        detail = "value: starts with a schema registry's prefix; send plain JSON"
        raise RejectionError(Reason.UNSUPPORTED_ENVELOPE, detail)
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        raise _rejection(_errors(error)[0]) from None


def adjusted_event(model: type[Model], value: bytes, fields: set[str]) -> Model:
    """Return the value as its model; normalise or leave out invalid fields that are not strict.

    Adds the names of these to `fields`. Raises `RejectionError` with the first error that cannot be adjusted.
    """
    try:
        return validated(model, value)
    except RejectionError as error:
        if error.reason not in {Reason.SCHEMA, Reason.MERGED_FROM}:
            raise
    document: Any = from_json(value)
    for _ in range(_PASSES):
        try:
            return model.model_validate_json(to_json(document, inf_nan_mode="constants"))
        except ValidationError as error:
            errors = _errors(error)
        for each in errors:
            if not isinstance(document, dict) or not adjust(model, document, each, fields):
                raise _rejection(each)
        if isinstance(document.get("items"), list):
            document["items"] = [item for item in document["items"] if item is not None]
    raise _rejection(errors[0])


def _errors(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def _rejection(first: ErrorDetails) -> RejectionError:
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
