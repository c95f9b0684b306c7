"""Prometheus metrics: the state of the database at the moment of the scrape.

They are read from the database, not counted by this process, so that they are true for all
processes and survive their restarts; `models.repositories.metrics` says what that costs. No
label names a tenant, a connection or a document.
"""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.repositories import Figures
from models.status import FINAL, SyncStatus
from models.tables import ConnectionStatus, RunStatus
from models.unit_of_work import Begin
from sync.catalogue import Actor

UNFINISHED = [status.value for status in SyncStatus if status not in FINAL]


class DatabaseState(Collector):
    """Figures over all tenants, as gauges."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Ask the database."""
        with self._begin() as work:
            figures = work.metrics.gather()
        return gauges(figures)


def gauges(figures: Figures) -> Iterable[Metric]:
    """Figures in Prometheus's words; what there is none of is 0, so that series do not end."""
    yield _by(
        "ledgerbridge_records_unfinished",
        "Records that are not done, by fine status.",
        "status",
        figures.records,
        UNFINISHED,
    )
    yield GaugeMetricFamily(
        "ledgerbridge_records_estimated",
        "About how many synced records there are, done ones included: the database's statistics.",
        figures.records_estimated,
    )
    yield GaugeMetricFamily(
        "ledgerbridge_oldest_due_record_age_seconds",
        "How long the oldest record that may go out or be looked up has been due.",
        figures.oldest_due_seconds,
    )
    yield _by(
        "ledgerbridge_issues_open",
        "Open issues, by who must act.",
        "actor",
        figures.issues,
        [actor.value for actor in Actor],
    )
    yield _by(
        "ledgerbridge_runs_last_day",
        "Sync runs made in the last 24 hours, by status.",
        "status",
        figures.runs,
        [status.value for status in RunStatus],
    )
    yield _by(
        "ledgerbridge_connections",
        "Connections, by status.",
        "status",
        figures.connections,
        [status.value for status in ConnectionStatus],
    )
    yield GaugeMetricFamily(
        "ledgerbridge_webhook_deliveries_waiting",
        "Webhook deliveries to enabled endpoints that have not arrived yet.",
        figures.deliveries,
    )
    yield GaugeMetricFamily(
        "ledgerbridge_oldest_due_delivery_age_seconds",
        "How long the oldest webhook delivery has been due.",
        figures.oldest_delivery_seconds,
    )


def _by(
    name: str, words: str, label: str, found: Mapping[str, int], known: Sequence[str]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value in dict.fromkeys([*known, *found]):
        family.add_metric([value], found.get(value, 0))
    return family
