"""What a connector can do with a resource, as the connector endpoints say it."""

from typing import Any

from connectors.apideck.simulated.profiles import Deleted, Profile
from connectors.apideck.simulated.query import FILTERS, SORTS
from connectors.apideck.simulated.schemas import SCHEMAS

_OPERATIONS = {"list": "all", "get": "one", "create": "add", "update": "update", "delete": "delete"}
SINGLE = frozenset({"company-info", "companies"})


def of(profile: Profile, resource: str) -> dict[str, Any]:
    """A resource of a connector."""
    unpaged = resource in profile.unpaged
    return {
        "id": resource,
        "name": resource.replace("-", " ").capitalize(),
        "downstream_id": resource.title().replace("-", ""),
        "downstream_name": resource.title().replace("-", " "),
        "status": "live",
        "pagination_supported": not unpaged,
        "pagination": {
            "mode": "virtual" if unpaged else "native",
            "paging_support": not unpaged,
            "limit_support": not unpaged,
        },
        "supported_operations": _operations(profile, resource),
        "downstream_unsupported_operations": [
            _OPERATIONS[name] for name in sorted(profile.missing_operations.get(resource, ()))
        ],
        "supported_filters": sorted(FILTERS.get(resource, frozenset()) - profile.missing_filters),
        "supported_sort_by": sorted(SORTS.get(resource, ())) if profile.sorts else [],
        "supported_fields": _fields(profile, resource, single=True),
        "supported_list_fields": _fields(profile, resource, single=False),
    }


def connector(profile: Profile) -> dict[str, Any]:
    """The connector itself."""
    return {
        "id": profile.service_id,
        "name": profile.name,
        "service_id": profile.service_id,
        "status": "live",
        "webhook_support": {"mode": "virtual" if profile.deleted is Deleted.GONE else "native"},
    }


def _operations(profile: Profile, resource: str) -> list[str]:
    if resource in SINGLE:
        return ["one"] if resource == "company-info" else ["all"]
    missing = profile.missing_operations.get(resource, frozenset())
    return [word for name, word in _OPERATIONS.items() if name not in missing]


def _fields(profile: Profile, resource: str, *, single: bool) -> list[dict[str, str]]:
    names = {"id", *SCHEMAS.get(resource, ()), *(("updated_at",) if profile.stamps else ())}
    if not single:
        names -= profile.single_reads_only
    return [{"unified_property": name} for name in sorted(names)]
