"""The contract as one AsyncAPI 3.0 document: where the events are, and which there are.

The schemas it refers to are those of `contracts.schemas`, filed beside it.
"""

from textwrap import dedent
from typing import Any, Final

from contracts.events import EVENT_TYPES, Event
from contracts.schemas import schema_name
from contracts.streams import stream_name

__all__ = ["asyncapi_document"]

_SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
_CONTENT_TYPE: Final = "application/cloudevents+json"

_INFO: Final = {
    "title": "Bureau's events",
    "version": "1",
    "description": (
        "Every change in Bureau, in order and without gaps. An entry of a stream has the id <epoch>-<position> and two"
        " fields: event_id, and __data__, which holds the payload described here. Ignore fields, attributes and types"
        " that you do not know."
    ),
    "license": {"name": "Apache-2.0"},
}

_SERVERS: Final = {
    "streams": {
        "host": "127.0.0.1:6379",
        "protocol": "redis",
        "description": "The Redis or Valkey that REDIS_URL names, by default on the same machine.",
    }
}

_PARAMETERS: Final = {
    "stream": {
        "description": (
            "Name of a shard's stream, its braces included; there are BUREAU_SHARDS of them (16). A root's shard is the"
            " CRC-32 of the 16 bytes of its UUID (partitionkey) modulo their number."
        ),
        "examples": [stream_name(0), stream_name(15)],
    }
}

_HEADERS: Final = {
    "type": "object",
    "description": "The other field of the entry.",
    "properties": {"event_id": {"type": "string", "format": "uuid", "description": "The same as id in the payload."}},
    "required": ["event_id"],
}


def asyncapi_document() -> dict[str, Any]:
    """Return the document; references to schemas are relative to the folder that it is filed in."""
    references = {name: {"$ref": f"#/components/messages/{name}"} for name in EVENT_TYPES}
    in_channel = [{"$ref": f"#/channels/events/messages/{name}"} for name in EVENT_TYPES]
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": _CONTENT_TYPE,
        "servers": _SERVERS,
        "channels": {
            "events": {
                "address": "{stream}",
                "title": "A shard's stream",
                "parameters": _PARAMETERS,
                "messages": references,
            }
        },
        "operations": {
            "carry": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The relay carries every event of the log to its shard's stream, once.",
                "messages": in_channel,
            }
        },
        "components": {"messages": {name: _message(event_type) for name, event_type in EVENT_TYPES.items()}},
    }


def _message(event_type: type[Event]) -> dict[str, Any]:
    summary, _, rest = (event_type.__doc__ or "").partition("\n\n")
    description = dedent(rest).strip()
    specific = {
        "properties": {
            "type": {"const": event_type.type},
            "schemaversion": {"const": event_type.schema_version},
            "data": {"$ref": f"./events/{schema_name(event_type)}.schema.json"},
        }
    }
    payload = {"schemaFormat": _SCHEMA_FORMAT, "schema": {"allOf": [{"$ref": "./envelope.schema.json"}, specific]}}
    words = {"summary": summary.strip()} | ({"description": description} if description else {})
    return {"name": event_type.type, "title": event_type.__name__, **words, "headers": _HEADERS, "payload": payload}
