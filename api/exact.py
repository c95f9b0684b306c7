"""Requests whose numbers are read as they were written: no float on the way."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class ExactRequest(Request):
    """Reads JSON with decimals for fractions; NaN and infinities are no JSON."""

    async def json(self) -> Any:
        """The body's values.

        Raises:
            JSONDecodeError: It is no JSON, or nested or long beyond reason.
        """
        body = await self.body()
        try:
            return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


class ExactRoute(APIRoute):
    """A route that reads its body exactly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given an exact request."""
        handler = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handler(ExactRequest(request.scope, request.receive))

        return exact
