"""How values look on a page, and that nothing in them is taken for a mark or a command."""

from decimal import Decimal

import pytest

from api.console import words
from models.status import SyncStatus
from models.tables import ConnectionStatus, MappingKind, RunStatus, Trigger
from sync.catalogue import CATALOGUE, Actor
from sync.suggestions import Asked, asked_of


def test_every_status_has_a_word_and_every_record_a_group() -> None:
    assert set(words.STATUSES) == set(SyncStatus)
    assert set(words.RUNS) == set(RunStatus)
    assert set(words.CONNECTIONS) == set(ConnectionStatus)
    assert set(words.TRIGGERS) == set(Trigger)
    assert set(words.ACTORS) == set(Actor)
    grouped = [status for _, _, held in words.GROUPS.values() for status in held]
    assert sorted(grouped) == sorted(SyncStatus)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_next_steps_name_no_command_for_what_is_done_here(code: str) -> None:
    said = str(words.here(CATALOGUE[code].next_step))

    for command in ("map", "retry", "settle", "skip", "record", "issues", "log"):
        assert f"ledgerbridge {command}" not in said
    assert "choose choose" not in said
    assert "`" not in said


def test_what_is_to_be_mapped_is_read_from_the_next_step() -> None:
    asked = {
        code: asked_of(entry.next_step.replace("{connection}", "4f1d2c3b").replace("{ours}", "8.5"))
        for code, entry in CATALOGUE.items()
    }

    assert asked["tax_rate_unmapped"] == Asked(MappingKind.TAX_RATE, "8.5")
    assert asked["account_not_named"] == Asked(MappingKind.ACCOUNT, "8.5")
    assert asked["contact_ambiguous"] == Asked(MappingKind.CONTACT, "8.5")
    named = {code for code, found in asked.items() if found}
    assert named == {
        code for code, entry in CATALOGUE.items() if "ledgerbridge map" in entry.next_step
    }


def test_words_of_others_are_shown_as_they_are() -> None:
    assert words.here("<b>`<i>`") == "&lt;b&gt;<code>&lt;i&gt;</code>"
    assert words.here("one ` alone") == "one ` alone"
    assert words.here(None) == ""


def test_links_lead_to_pages_and_nothing_is_run_by_them() -> None:
    assert words.safe_link("https://go.xero.com/1") == "https://go.xero.com/1"
    for bad in ("javascript:alert(1)", "data:text/html,x", "//x", "", None):
        assert words.safe_link(bad) == ""


def test_amounts_have_their_currency_and_a_real_minus() -> None:
    assert words.money(Decimal("-1234.5"), "EUR") == (
        '<span class="money">−1,234.50 <abbr>EUR</abbr></span>'
    )
    assert words.money(None, "EUR") == ""
