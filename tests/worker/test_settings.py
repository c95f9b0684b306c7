"""Settings and the Celery configuration: the order that safety rests on, and what is set how."""

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


def test_celery_is_set_up_for_hints(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, home: Path
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_REDIS_URL", redis_url)
    monkeypatch.setenv("LEDGERBRIDGE_HOME", str(home))
    from worker import app as module  # noqa: PLC0415  # reads the environment when configured

    conf = module.app.conf

    assert not conf["task_acks_late"]
    assert conf["worker_disable_prefetch"]
    assert conf["result_backend"] is None
    assert conf["broker_transport_options"]["visibility_timeout"] == 900
    assert not conf["task_create_missing_queues"]
    for tick in conf["beat_schedule"].values():
        assert tick["options"]["expires"] < tick["schedule"]
