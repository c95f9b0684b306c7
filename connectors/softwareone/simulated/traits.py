"""How the simulated Marketplace behaves where no source decides, or where sources disagree."""

import datetime as dt
from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Traits:
    """What `Marketplace.change` sets; the defaults are the strictest reading of the sources."""

    steps_take: dt.timedelta = dt.timedelta(0)
    wrong_state: int = 400
    error_list: bool = False
    default_limit: int = 10
    omits_audit: bool = True
    omits_lines: bool = True
    audit_filters: str = "refused"
    unstable_order: bool = True
    line_paths: bool = True
    updates_invoices: bool = False
    retry_leads_to: str = "Queued"
    operations_upload: bool = False
    overrides_at: str = "manual-overrides"
    streams: bool = False
    json_lines: bool = True
    journal_error: str = "id"
    long_times: bool = False
    largest_upload: int = 500 * MEGABYTE
    largest_stream: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(map(str, allowed))}")


_ALLOWED: dict[str, tuple[object, ...]] = {
    "wrong_state": (400, 403, 409),
    "audit_filters": ("refused", "ignored", "kept"),
    "retry_leads_to": ("Queued", "Generated"),
    "overrides_at": ("manual-overrides", "overrides"),
    "journal_error": ("id", "errorCode", "code"),
}
