"""Files that are handed in at a platform, and how far that is."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Key, choice


class UploadStatus(StrEnum):
    """Whether a file is still on its way."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


class UploadRow(Base):
    """One file that is handed in: a vendor's usage of a month."""

    __tablename__ = "uploads"
    __table_args__ = (
        UniqueConstraint("connection_id", "key"),
        Index("ix_uploads_next_step_at", "next_step_at", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[Key]
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    key: Mapped[str]
    """Ours, the same for every try: the platform's object is found by it."""
    name: Mapped[str]
    """The file's, as people called it."""
    size: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[UploadStatus] = mapped_column(choice(UploadStatus, "status"))
    platform_status: Mapped[str]
    """The platform's word for it."""
    progress: Mapped[dict[str, Any]]
    sentence: Mapped[str | None]
    """What a person should know or do."""
    problems: Mapped[list[Any]]
    """What is wrong with single lines of the file."""
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    next_step_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]


class UploadPartRow(Base):
    """A piece of a file that is on its way; gone when it has arrived, or never will."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[UUID] = mapped_column(ForeignKey("uploads.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
