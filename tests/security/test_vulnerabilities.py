"""The look-up of known vulnerabilities: what it finds stops `make check`; silence does not."""

import json
from collections.abc import Mapping

import pytest

from connectors.faults import Answer, Request
from connectors.loopback import LoopbackServer
from tests import vulnerabilities


def answering(*pages: Mapping[str, Mapping[str, object]]) -> LoopbackServer:
    """OSV with some advisories: by package, what each page says of it."""
    left = list(pages)

    def handle(request: Request) -> Answer:
        page = left.pop(0)
        asked = json.loads(request.body)["queries"]
        return Answer(200, {"results": [page.get(one["package"]["name"], {}) for one in asked]})

    return LoopbackServer(handle)


def test_a_known_vulnerability_stops_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    first = {"celery": {"vulns": [{"id": "GHSA-1"}], "next_page_token": "more"}}
    with answering(first, {"celery": {"vulns": [{"id": "PYSEC-2"}]}}).running() as url:
        code = vulnerabilities.main(url)

    assert code == 1
    assert "celery==5.7.0 has GHSA-1, PYSEC-2" in capsys.readouterr().out


def test_nothing_known_passes(capsys: pytest.CaptureFixture[str]) -> None:
    with answering({}).running() as url:
        code = vulnerabilities.main(url)

    assert code == 0
    assert "none is known of" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [Answer(500, b""), Answer(200, b"<html>"), Answer(200, [1])])
def test_without_an_answer_it_says_so_in_one_line_and_passes(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    server = LoopbackServer(lambda _: answer)
    with server.running() as url:
        assert vulnerabilities.main(url) == 0
    assert vulnerabilities.main(url) == 0  # nobody is there any more

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("not looked up" in line for line in lines)


def test_every_pin_is_asked_for() -> None:
    pinned = vulnerabilities.pins(vulnerabilities.PINNED.read_text())

    assert pinned["celery"] == "5.7.0"
    assert len(pinned) > 100
