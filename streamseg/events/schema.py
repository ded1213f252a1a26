"""Generates the JSON Schema of each event kind from its pydantic model."""

from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from streamseg.events.adjusting import is_strict
from streamseg.events.types import EVENT_TYPES


class _Untitled(GenerateJsonSchema):
    """Leaves out field titles: they would repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: str, adapter: TypeAdapter[Any], mode: JsonSchemaMode = "validation") -> dict[str, Any]:
    """Return the JSON Schema 2020-12 of a type, as accepted (`validation`) or as sent (`serialization`)."""
    described = adapter.json_schema(mode=mode, schema_generator=_Untitled)
    return {"$schema": DIALECT, "$id": f"urn:streamseg:{kind}:v1", **described}


def event_schemas() -> list[dict[str, Any]]:
    """Return the schema of each kind's value, in the order of `EVENT_TYPES`."""
    return [_event_schema(model) for model in EVENT_TYPES]


def _when_invalid(model: type[BaseModel], name: str) -> str:
    if is_strict(model, name):
        return "event rejected"
    return "normalised, else event rejected" if model.model_fields[name].is_required() else "normalised, else left out"


def _event_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a kind; `x-invalid` of a field says what an invalid value of it costs."""
    schema = schema_of(model.__name__.lower(), TypeAdapter(model))
    for name, described in schema["properties"].items():
        if name in model.model_fields:
            described["x-invalid"] = _when_invalid(model, name)
    return schema
