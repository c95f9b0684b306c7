"""Filters: what may stand in them, and that no value gets out of its quotes."""

import datetime as dt
from decimal import Decimal
from urllib.parse import unquote

import pytest

from connectors.softwareone import rql
from connectors.softwareone.rql import NotExpressibleError


class TestValues:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            ("BUY-1", '"BUY-1"'),
            ('5" disk', "'5\" disk'"),
            ("O'Brien", '"O\'Brien"'),
            ("name", '"name"'),
            (7, "7"),
            (True, "true"),
            (Decimal("1E+2"), "100"),
            (Decimal("10.50"), "10.5"),
            (dt.datetime(2026, 1, 31, 23, tzinfo=dt.UTC), '"2026-01-31T23:00:00.000Z"'),
        ],
    )
    def test_values_are_written_as_the_language_wants_them(
        self, value: rql.Operand, written: str
    ) -> None:
        assert unquote(rql.value(value)) == written

    @pytest.mark.parametrize("value", ["both ' and \"", "line\nfeed", "nul\x00"])
    def test_what_has_no_way_to_be_written_is_refused(self, value: str) -> None:
        with pytest.raises(NotExpressibleError):
            rql.value(value)

    @pytest.mark.parametrize(
        "value",
        [
            'x"),or(ne(id,"',
            "x'&select=-*",
            "a),eq(b",
            "a&limit=0",
            "a;b|c",
            "100%22",
            "ünïcode #fragment ?x=1+2",
        ],
    )
    def test_no_value_gets_out_of_its_quotes(self, value: str) -> None:
        written = rql.value(value)

        plain = unquote(written)
        assert plain[1:-1] == value
        assert plain[0] == plain[-1]
        assert plain[0] not in value
        assert not set(written) & set("\"'()&,;|#?+ ")

    def test_times_of_other_zones_become_utc(self) -> None:
        zone = dt.timezone(dt.timedelta(hours=2))
        moment = dt.datetime(2026, 3, 1, 1, 0, 0, 123456, tzinfo=zone)

        assert rql.instant(moment) == "2026-02-28T23:00:00.123Z"


class TestPaths:
    @pytest.mark.parametrize("name", ["id", "buyer.id", "audit.updated.at", "price.totalGT"])
    def test_paths_are_names_and_points(self, name: str) -> None:
        assert rql.path(name) == name

    @pytest.mark.parametrize("name", ["", "a b", "a,b", "id)", "a..b", "-id", "a.b.", 'x"', "é"])
    def test_nothing_else_is_a_path(self, name: str) -> None:
        with pytest.raises(NotExpressibleError):
            rql.eq(name, "x")


class TestQueries:
    def test_the_filter_is_part_of_the_query_string_itself(self) -> None:
        where = rql.both([rql.is_in("buyer.id", ["BUY-1", "BUY-2"]), rql.ge("revision", 3)])

        asked = rql.query(
            where, select=("audit", "lines"), order=("-audit.created.at", "id"), limit=100, offset=5
        )

        assert unquote(asked) == (
            'and(in(buyer.id,("BUY-1","BUY-2")),ge(revision,3))'
            "&select=audit,lines&order=-audit.created.at,id&limit=100&offset=5"
        )

    def test_one_condition_stands_alone_and_none_is_nothing(self) -> None:
        assert rql.both(["", rql.ne("status", "Deleted")]) == "ne(status,%22Deleted%22)"
        assert rql.query() == rql.both([]) == ""

    def test_a_limit_of_zero_is_sent(self) -> None:
        assert rql.query(limit=0) == "limit=0"

    def test_membership_of_nothing_is_refused(self) -> None:
        with pytest.raises(NotExpressibleError):
            rql.is_in("id", [])

    def test_names_for_order_and_select_are_checked_too(self) -> None:
        for asked in ({"order": ("id,limit=0",)}, {"select": ("a&b",)}):
            with pytest.raises(NotExpressibleError):
                rql.query(**asked)  # type: ignore[arg-type]  # each names one of them
