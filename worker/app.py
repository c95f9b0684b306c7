"""The Celery app: broker, queues, time limits, and what happens when a process starts.

Messages are hints: acknowledged early, never prefetched, free to be lost or doubled. Every task
begins with a claim on rows; the leases and the sweeper do what a broker cannot.

Run with `celery -A worker.app worker -Q push,pull,maintenance` and `celery -A worker.app beat`.
"""

import sys
from typing import Any

import structlog
from celery import Celery, signals
from kombu import Exchange, Queue
from pydantic import ValidationError

from sync.errors import SyncError
from sync.settings import Settings
from worker import embedded, leaving, logs, runtime, schedule
from worker.dispatch import CeleryHints

QUEUES = ("push", "pull", "backfill", "maintenance")

app = Celery("ledgerbridge", include=["worker.tasks"])

_process: dict[str, runtime.Runtime] = {}


def broker_url(settings: Settings) -> str:
    """Where Redis listens; starts the embedded one if need be."""
    return settings.redis_url or embedded.redis_url(settings.home)


@app.add_defaults  # type: ignore[untyped-decorator]  # celery has no types
def _configuration() -> dict[str, Any]:
    """Read lazily, so that importing this module starts nothing."""
    settings = Settings()
    return {
        "broker_url": broker_url(settings),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 10,
        "broker_pool_acquire_timeout": 10,
        "broker_transport_options": {
            "visibility_timeout": settings.visibility_timeout_seconds,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 15,
            "global_keyprefix": "ledgerbridge:",
        },
        "task_publish_retry_policy": {
            "max_retries": 2,
            "interval_start": 0.1,
            "interval_step": 0.2,
            "interval_max": 0.5,
        },
        "task_ignore_result": True,
        "result_backend": None,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_create_missing_queues": False,
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        "task_default_queue": "maintenance",
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
        "task_soft_time_limit": settings.task_soft_limit_seconds,
        "task_time_limit": settings.task_hard_limit_seconds,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_soft_shutdown_timeout": settings.soft_shutdown_seconds,
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_max_tasks_per_child": 1000,
        "worker_max_memory_per_child": 400_000,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "task_send_sent_event": False,
        "enable_utc": True,
        "timezone": "UTC",
        "beat_scheduler": "celery.beat:Scheduler",  # a fixed table of ticks: nothing to remember
        "beat_max_loop_interval": 30,
        "beat_enable_remote_control": True,
        "beat_schedule": schedule.ticks(settings),
    }


def current() -> runtime.Runtime:
    """The parts of this process, built on first use after the fork."""
    if "runtime" not in _process:
        # The schema was right when the worker started. A newer version may have migrated since,
        # and takes over soon: until then this one goes on.
        _process["runtime"] = runtime.build(
            Settings(), role="worker", hints=CeleryHints(app), checked=False
        )
    return _process["runtime"]


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no types
def _logging(**_: Any) -> None:
    logs.configure(Settings().log_level, role="worker")


@signals.celeryd_init.connect  # type: ignore[untyped-decorator]
def _check_before_start(**_: Any) -> None:
    """A worker that could not work says so at once, and not in every task."""
    try:
        settings = Settings()
        runtime.key_ring(settings)
        database = runtime.connect(settings, role="worker")
        runtime.require_current_schema(database)
        database.dispose()
    except (SyncError, ValidationError) as error:
        # Celery swallows an Exception of a signal handler; it does not swallow this.
        sys.exit(f"Error: {error}")


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _watch_for_the_end(**_: Any) -> None:
    """Celery's own handlers are in place by now; children learn from ours that the end is near."""
    leaving.watch()


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _after_fork(**_: Any) -> None:
    """Nothing of the parent is used: the runtime is built anew."""
    _process.pop("runtime", None)


@signals.worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _before_exit(**_: Any) -> None:
    if built := _process.pop("runtime", None):
        built.close()


@signals.heartbeat_sent.connect  # type: ignore[untyped-decorator]
def _alive(**_: Any) -> None:
    """Touch a file about every two seconds while Redis answers: the liveness probe looks at it."""
    Settings().heartbeat_file.touch()


@signals.task_prerun.connect  # type: ignore[untyped-decorator]
def _bind_context(task_id: str, task: Any, kwargs: dict[str, Any], **_: Any) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        role="worker",
        task=task.name,
        task_id=task_id,
        connection=kwargs.get("connection_id"),
        correlation_id=kwargs.get("correlation_id"),
    )
