"""The HTTP side beside accounting: connections in the Vault, and what connectors can do.

Paths and answers are those of the public OpenAPI documents of the Vault and Connector APIs (read
2026-11-20).
"""

from connectors.apideck.simulated import answers, coverage, vault
from connectors.apideck.simulated.reception import Reception
from connectors.apideck.simulated.store import RESOURCES
from connectors.apideck.simulated.vault import Connection
from connectors.faults import Answer, Request
from connectors.simulator import route

_CONNECTION = "/vault/connections/accounting/(?P<service>[^/]+)"


class Offices(Reception):
    """Routes that need no ledger."""

    @route("GET", "/vault/connections")
    def list_connections(self, request: Request) -> Answer:
        """A consumer's connections."""
        api = request.query.get("api", "accounting")
        if request.query.keys() - {"api", "configured"} or api != "accounting":
            raise answers.invalid(["query must NOT have additional properties"])
        consumer = self.consumer(request)
        mine = [at for (whose, _), at in self.connections.items() if whose == consumer]
        data = [vault.described(at) for at in mine]
        return Answer(body={"status_code": 200, "status": "OK", "data": data})

    def _connection(self, request: Request, service: str) -> Connection:
        at = self.connections.get((self.consumer(request), service))
        if at is None:
            raise answers.not_found(f"connection accounting+{service}")
        return at

    @route("GET", _CONNECTION)
    def read_connection(self, request: Request, service: str) -> Answer:
        """A connection's state."""
        at = self._connection(request, service)
        return Answer(body={"status_code": 200, "status": "OK", "data": vault.described(at)})

    @route("PATCH", _CONNECTION)
    def update_connection(self, request: Request, service: str) -> Answer:
        """Switch a connection on or off."""
        at = self._connection(request, service)
        body = request.json()
        if not isinstance(body, dict) or body.keys() - {"enabled", "settings"}:
            raise answers.invalid(["body must NOT have additional properties"])
        if isinstance(body.get("enabled"), bool):
            self.move(at, enabled=body["enabled"])
        return Answer(body={"status_code": 200, "status": "OK", "data": vault.described(at)})

    @route("DELETE", _CONNECTION)
    def delete_connection(self, request: Request, service: str) -> Answer:
        """Disconnect."""
        at = self._connection(request, service)
        del self.connections[at.consumer_id, service]
        self._tell("vault.connection.deleted", at, at.id)
        return Answer(204)

    @route("POST", f"{_CONNECTION}/validate")
    def validate_connection(self, request: Request, service: str) -> Answer:
        """Find out whether the ledger lets us in."""
        at = self._connection(request, service)
        if no := vault.refused(at, self.now()):
            raise no
        data = {"id": at.id, "state": at.state}
        return Answer(body={"status_code": 200, "status": "OK", "data": data})

    @route("GET", "/connector/connectors/(?P<service>[^/]+)")
    def read_connector(self, request: Request, service: str) -> Answer:
        """A connector."""
        _only(request)
        data = coverage.connector(self._connected_to(service).profile)
        return Answer(body={"status_code": 200, "status": "OK", "data": data})

    @route("GET", "/connector/connectors/(?P<service>[^/]+)/resources/(?P<resource>[^/]+)")
    def read_coverage(self, request: Request, service: str, resource: str) -> Answer:
        """What a connector can do with a resource."""
        _only(request, "unified_api")
        data = coverage.of(self._connected_to(service).profile, _covered(resource))
        return Answer(body={"status_code": 200, "status": "OK", "data": data})

    @route("GET", "/connector/apis/accounting/resources/(?P<resource>[^/]+)/coverage")
    def read_api_coverage(self, request: Request, resource: str) -> Answer:
        """What the connectors that somebody uses can do with a resource."""
        _only(request)
        resource = _covered(resource)
        profiles = {at.service_id: at.profile for at in self.connections.values()}
        data = {
            "id": resource,
            "status": "live",
            "coverage": [
                {**coverage.of(profile, resource), "id": service, "name": profile.name}
                for service, profile in profiles.items()
            ],
        }
        return Answer(body={"status_code": 200, "status": "OK", "data": data})

    def _connected_to(self, service: str) -> Connection:
        for at in self.connections.values():
            if at.service_id == service:
                return at
        raise answers.not_found(f"connector {service}")


def _covered(resource: str) -> str:
    if resource not in {*RESOURCES, *coverage.SINGLE}:
        raise answers.not_found(f"resource {resource}")
    return resource


def _only(request: Request, *known: str) -> None:
    """Refuse parameters that are not known."""
    if request.query.keys() - set(known):
        raise answers.invalid(["query must NOT have additional properties"])
