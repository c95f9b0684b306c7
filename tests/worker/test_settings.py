"""Settings and the Celery configuration: the order that safety rests on, and what is set how."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from sync.settings import Settings


class TestOrder:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"http_timeout_seconds": 240},
            {"task_soft_limit_seconds": 300},
            {"task_hard_limit_seconds": 360},
            {"lease_seconds": 900},
            {"visibility_timeout_seconds": 300},
        ],
    )
    def test_times_out_of_order_are_refused_at_start_up(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValidationError, match="must be below"):
            Settings(**wrong)  # type: ignore[arg-type]  # by name

    def test_a_shutdown_that_outlasts_the_supervisor_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="killed while they stop"):
            Settings(soft_shutdown_seconds=26)

    def test_the_defaults_are_in_order(self) -> None:
        assert Settings().lease_seconds == 360


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    text = Path(".env.example").read_text()

    for name, field in Settings.model_fields.items():
        variable = f"LEDGERBRIDGE_{name.upper()}="
        assert variable in text, f"{variable} is missing in .env.example"
        if field.default is not None and name != "home":
            assert f"{variable}{field.default}" in text, f"{variable} has another default"


CONFIGURED = """
import json
from worker.app import app

names = ["task_acks_late", "worker_disable_prefetch", "result_backend", "broker_transport_options"]
ticks = [(one["options"]["expires"], one["schedule"]) for one in app.conf["beat_schedule"].values()]
shown = {name: app.conf[name] for name in [*names, "task_create_missing_queues"]}
print(json.dumps({**shown, "ticks": ticks}))
"""


def test_celery_is_set_up_for_hints(redis_url: str, home: Path) -> None:
    # In a process of its own: the settings are read once in each.
    environment = {"LEDGERBRIDGE_REDIS_URL": redis_url, "LEDGERBRIDGE_HOME": str(home)}

    shown = subprocess.run(
        [sys.executable, "-c", CONFIGURED],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    conf = json.loads(shown)
    assert not conf["task_acks_late"]
    assert conf["worker_disable_prefetch"]
    assert conf["result_backend"] is None
    assert conf["broker_transport_options"]["visibility_timeout"] == 900
    assert not conf["task_create_missing_queues"]
    assert conf["ticks"]
    for expires, schedule in conf["ticks"]:
        assert expires < schedule
