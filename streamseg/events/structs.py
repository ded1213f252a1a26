"""Derives msgspec structs from pydantic models: same fields and limits, decoded several times faster."""

from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

_UNCHANGED: Final = (str, int, float, bool, NoneType, None)
_MOMENTS: Final = (datetime, AwareDatetime)
_NULLABLE: Final = frozenset({"items", "quantity"})
"""Fields without `None` in their model in which producers often send null; the reader replaces it by the default."""


def struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """Return a struct type with the model's fields, limits and properties, but without its checks in code.

    A property `at` becomes a field that the reader sets.

    Raises:
        TypeError: a field has a type that this module cannot convert.
    """
    fields: list[Any] = [
        (name, _field_type(name, field), *(() if field.is_required() else (field.default,)))
        for name, field in model.model_fields.items()
    ]
    shown = {
        name: each
        for base in model.__mro__
        if issubclass(base, BaseModel) and base is not BaseModel
        for name, each in vars(base).items()
        if isinstance(each, property)
    }
    if shown.pop("at", None):
        fields.append(("at", float, 0.0))
    return msgspec.defstruct(model.__name__, fields, namespace=shown, kw_only=True, gc=False, module=__name__)


def _field_type(name: str, field: FieldInfo) -> Any:
    made = _annotation(field.annotation, field.metadata)
    return Union[made, None] if name in _NULLABLE else made  # noqa: UP007 - `made` is only known at run time


def _annotation(annotation: Any, metadata: Any = ()) -> Any:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotation(args[0], (*args[1:], *metadata))
    limits = _limits(metadata)
    if annotation in _MOMENTS:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    made: Any
    if annotation in _UNCHANGED or origin is Literal:
        made = annotation
    elif origin in (Union, UnionType):
        made = Union[tuple(map(_annotation, args))]  # noqa: UP007 - its members are only known at run time
    elif origin in (tuple, dict):
        made = origin[tuple(each if each is Ellipsis else _annotation(each) for each in args)]
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        made = struct_of(annotation)
    else:
        raise TypeError(f"cannot convert the type {annotation} to a struct field")
    return Annotated[made, msgspec.Meta(**limits)] if limits else made


def _limits(metadata: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for limit in metadata:
        match limit:
            case FieldInfo():
                limits |= _limits(limit.metadata)
            case Ge():
                limits["ge"] = limit.ge
            case Gt():
                limits["gt"] = limit.gt
            case Le():
                limits["le"] = limit.le
            case MinLen():
                limits["min_length"] = limit.min_length
            case MaxLen():
                limits["max_length"] = limit.max_length
            case _:
                pass  # a check in code or a pattern: fast.py applies those
    return limits
