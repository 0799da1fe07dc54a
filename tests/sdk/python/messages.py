"""What Anthropic's API answers to messages."""

import json

HELLO = {"model": "claude", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello there"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 8, "output_tokens": 2},
}


def error(kind, message="no"):
    """An error object, as it stands in bodies and in events."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_upstream"}


def event(data):
    """One event, named as its data is."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n"


def delta(text):
    """The event that brings some text."""
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


BEGIN = event(
    {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}}
) + event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})

END = (
    event({"type": "content_block_stop", "index": 0})
    + event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        }
    )
    + event({"type": "message_stop"})
)
