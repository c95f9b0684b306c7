"""The base of all tables: types that every column of a kind shares.

Times are UTC and aware; money is `Numeric(19, 4)`, rates `Numeric(20, 10)`, both `Decimal`;
enumerations are text with a CHECK, so that a new value is a plain migration.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import DateTime, Enum, MetaData, Numeric, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

from models.ids import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

Key = Annotated[UUID, mapped_column(Uuid, primary_key=True, default=new_id)]
Money = Annotated[Decimal, mapped_column(Numeric(19, 4))]
RateNumber = Annotated[Decimal, mapped_column(Numeric(20, 10))]
CreatedAt = Annotated[
    datetime, mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]


def choice(values: type[StrEnum], name: str) -> Enum:
    """A text column that holds one of an enumeration's values, checked by the database."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda kind: [member.value for member in kind],
    )


class Base(DeclarativeBase):
    """Declarative base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own class attribute
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }
