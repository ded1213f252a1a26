"""The schemas in the OpenAPI document: bodies of requests and answers."""

from typing import Any, Final

from streamseg.events.types import KINDS

Schema = dict[str, Any]

CUSTOMER_ID: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": r"^[^\s{}]+$",
    "description": "Printable characters, without white space or braces.",
}
EPOCH: Final[Schema] = {"type": "integer", "description": "Seconds since 1970."}
SEPARATION: Final[Schema] = {
    "type": "number",
    "description": (
        "1 - d1/d2, where d1 is the distance to the centre of this segment and d2 that to the nearest other centre."
        " It says how clearly the segment is nearest; it is not a probability. 1 in a declared group."
    ),
}


def object_of(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """Return the schema of an object. Further properties are allowed."""
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def array_of(items: Schema, **more: Any) -> Schema:
    """Return the schema of an array; `more` are keywords such as `maxItems`."""
    return {"type": "array", "items": items} | more


def ref(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Final[dict[str, Schema]] = {
    "Standing": object_of({"id": {"type": "string"}, "since": EPOCH, "score": SEPARATION}),
    "Membership": object_of(
        {
            "customer_id": {"type": "string"},
            "segments": {
                "type": "object",
                "additionalProperties": {"oneOf": [ref("Standing"), {"type": "null"}]},
                "description": "By segmentation; null is unassigned.",
            },
        },
        {
            "v": {"type": "integer"},
            "known": {"type": "boolean", "description": "False for an unknown customer."},
            "epoch": {"type": "integer"},
            "seq": {"type": "integer"},
            "as_of": EPOCH,
            "model": {"type": "object", "additionalProperties": {"type": "integer"}},
            "consent": object_of(
                {"ads": {"type": "boolean"}, "personalisation": {"type": "boolean"}}, {"analytics": {"type": "boolean"}}
            ),
        },
    ),
    "Segment": object_of(
        {"id": {"type": "string"}, "segmentation": {"type": "string"}},
        {
            "label": {
                "type": "string",
                "description": "The given name, else the generated label.",
            },
            "generated_label": {"type": "string"},
            "description": {"type": "string", "description": "Who the members are, in sentences."},
            "action": {"type": ["string", "null"], "description": "What to do for them; null if nothing fits."},
            "size": {"type": "integer"},
            "created": EPOCH,
            "parents": array_of({"type": "string"}),
            "retired": {"type": ["integer", "null"]},
            "closes": {
                "type": ["integer", "null"],
                "description": "Until when the segment loses its members day by day; null unless it is closing.",
            },
        },
    ),
    "Problem": object_of(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        {"field": {"type": "string", "description": "Parameter, header, or path in the body."}},
    ),
    "EventIn": object_of(
        {
            "kind": {"enum": list(KINDS)},
            "event": {"type": "object", "description": "See schemas/streamseg.<topic>/v1/schema.json."},
        }
    ),
    "EventResult": object_of(
        {"status": {"enum": ["accepted", "rejected"]}},
        {"field": {"type": "string"}, "detail": {"type": "string"}, "reason": {"type": "string"}},
    ),
    "User": object_of(
        {
            "user": object_of({"data": array_of({"type": "object", "description": "OpenRTB 2.6, section 3.2.21."})}),
            "key_values": {"type": "object", "additionalProperties": array_of({"type": "string"})},
        },
        {"regs": {"type": "object"}},
    ),
    "Evaluation": object_of({"context": object_of({"targetingKey": CUSTOMER_ID})}),
    "Flag": object_of(
        {
            "key": {"type": "string"},
            "value": {},
            "reason": {"type": "string"},
            "variant": {"type": "string"},
            "metadata": {"type": "object"},
        }
    ),
    "FlagFailure": object_of(
        {"errorCode": {"type": "string"}}, {"errorDetails": {"type": "string"}, "key": {"type": "string"}}
    ),
    "Why": object_of(
        {
            "customer_id": {"type": "string"},
            "known": {"type": "boolean"},
            "segmentations": {
                "type": "object",
                "additionalProperties": object_of(
                    {"segment": {"type": "string"}, "pulls": array_of({"type": "object"})},
                    {
                        "since": EPOCH,
                        "as_of": EPOCH,
                        "separation": SEPARATION,
                        "confidence": {
                            "type": "number",
                            "deprecated": True,
                            "description": "The old name of `separation`. It is not a probability.",
                        },
                        "model": {
                            "type": ["integer", "null"],
                            "description": "Snapshot version of the decision.",
                        },
                        "runner_up": {"type": ["string", "null"], "description": "The nearest other segment."},
                        "version": {
                            "type": ["integer", "null"],
                            "description": "Snapshot version behind the pulls.",
                        },
                        "declared": {
                            "type": "object",
                            "description": "In a declared group: its rule, the figure it compares, and the value.",
                        },
                        "rfm": {
                            "type": ["object", "null"],
                            "description": "Quintile scores and their group.",
                        },
                    },
                ),
            },
        }
    ),
}
