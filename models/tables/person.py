"""People who sign in to the console, and the browsers in which they are signed in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt, Key, choice


class UserRole(StrEnum):
    """What a person may do; each may do all that the one before it may."""

    VIEWER = "viewer"  # look
    BOOKKEEPER = "bookkeeper"  # sync, retry, skip, settle, map
    ADMINISTRATOR = "administrator"  # pause and resume connections


class UserRow(Base):
    """A person of an organisation; only a hash of the password is stored."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_name", text("lower(name)"), unique=True),)

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    role: Mapped[UserRole] = mapped_column(choice(UserRole, "role"))
    password_hash: Mapped[str]
    one_time_until: Mapped[datetime | None]
    """Of a password that was given out: it is good until then, and only to choose another one."""
    created_by: Mapped[str]
    signed_in_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    """The row stays: the audit log speaks of the person."""
    created_at: Mapped[CreatedAt]


class SessionRow(Base):
    """A browser in which a person is signed in; only a hash of its cookie is stored."""

    __tablename__ = "sessions"

    id: Mapped[Key]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    seen_at: Mapped[datetime]
    """The last request, to the minute."""
    expires_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
