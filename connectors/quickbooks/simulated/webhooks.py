"""What Intuit tells subscribers, in both formats, and how it signs it.

CloudEvents 1.0 became mandatory in 2026; the older form is still to be understood. One address
takes the events of all companies of an app. Pages "Webhooks" and Intuit's blog of 2025-11-12
(read 2026-11-20).
"""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.quickbooks.simulated.answers import Json
from connectors.quickbooks.simulated.render import stamp

_PAST = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Void": "voided",
    "Merge": "merged",
    "Emailed": "emailed",
}


@dataclass(frozen=True)
class Event:
    """Something that happened to an object."""

    realm: str
    entity: str
    id: str
    operation: str
    """Create, Update, Delete, Merge, Void, Emailed."""
    at: dt.datetime


def cloud(events: Sequence[Event]) -> list[Json]:
    """An array of CloudEvents."""
    return [
        {
            "specversion": "1.0",
            "id": hashlib.sha256(repr(event).encode()).hexdigest()[:32],
            "source": "intuit.sandbox",
            "type": f"qbo.{event.entity.lower()}.{_PAST[event.operation]}.v1",
            "datacontenttype": "application/json",
            "time": event.at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
            "intuitentityid": event.id,
            "intuitaccountid": event.realm,
            "data": {},
        }
        for event in events
    ]


def old(events: Sequence[Event]) -> Json:
    """The form of before: by company."""
    realms = dict.fromkeys(event.realm for event in events)
    return {
        "eventNotifications": [
            {
                "realmId": realm,
                "dataChangeEvent": {
                    "entities": [
                        {
                            "name": event.entity,
                            "id": event.id,
                            "operation": event.operation,
                            "lastUpdated": stamp(event.at),
                        }
                        for event in events
                        if event.realm == realm
                    ]
                },
            }
            for realm in realms
        ]
    }


def signed(said: object, key: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery."""
    body = json.dumps(said).encode()
    digest = hmac.new(key.encode(), body, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "intuit-signature": base64.b64encode(digest).decode(),
    }
    return headers, body
