"""A plain HTTP client of the simulated Qargo, for its own tests: no connector in between."""

from typing import Any

import httpx

from connectors.qargo.simulator import Qargo

TASKS = "/v1/accounting/sync-tasks"
COMPLETED = {"status": "COMPLETED"}
FAILED = {
    "status": "FAILED",
    "failure": {"error_type": "USER_INPUT_ERROR", "error_message": "no such customer"},
}


def token_request(qargo: Qargo, credentials: dict[str, str], **more: Any) -> httpx.Response:
    """Ask for a token."""
    with httpx.Client(base_url=qargo.base_url, transport=qargo.transport()) as http:
        auth = (credentials["client_id"], credentials["secret_id"])
        return http.post("/v1/auth/token", auth=auth, **{"json": {}, **more})


class Desk:
    """Somebody who has signed in with one API client."""

    def __init__(self, qargo: Qargo, credentials: dict[str, str]) -> None:
        self.client_id = credentials["client_id"]
        answer = token_request(qargo, credentials)
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self.http = httpx.Client(
            base_url=qargo.base_url, transport=qargo.transport(), headers=headers
        )

    def get(self, path: str, **params: str) -> httpx.Response:
        """Read something."""
        return self.http.get(path, params=params)

    def waiting(self, **params: str) -> list[str]:
        """Ids of the tasks that are in the waiting list, in order."""
        answer = self.get(TASKS, **params)
        assert answer.status_code == 200, answer.text
        return [task["id"] for task in answer.json()["tasks"]]

    def report(self, task_id: str, body: Any = COMPLETED) -> httpx.Response:
        """Say what became of a task."""
        return self.http.post(f"{TASKS}/{task_id}/update-status", json=body)


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status, and our code for the refusal."""
    return answer.status_code, answer.json().get("code", "")
