"""`POST /auth/token`: a client id and secret for a token."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import RuntimeOf, VersionOf
from sync import access

router = APIRouter(prefix="/auth", tags=["auth"])


class Grant(StrEnum):
    """The two kinds of token of the contract; both act with the client's own rights."""

    CLIENT_CREDENTIALS = "client_credentials"
    ENTITY_USER = "entity_user"


class TokenRequest(BaseModel):
    """Who wants a token."""

    client_id: str = Field(max_length=100)
    client_secret: str = Field(max_length=200)
    grant_type: Grant
    entity_user_id: UUID | None = None


class Token(BaseModel):
    """A bearer token and its life in seconds."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # the name of a scheme
    expires_in: int


@router.post("/token", response_model=Token)
def token(asked: TokenRequest, runtime: RuntimeOf, _: VersionOf) -> Any:
    """Give a token for a client id and secret."""
    made = access.issue_token(runtime.begin, runtime.keys, asked.client_id, asked.client_secret)
    return Token(access_token=made, expires_in=access.TOKEN_SECONDS)
