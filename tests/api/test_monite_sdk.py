"""Monite's own Python package, unmodified, against a served application: sync and async."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from monite import AccountingSettings, AsyncMonite, Monite
from monite.core.api_error import ApiError
from monite.errors import UnauthorizedError, UnprocessableEntityError
from monite.types.default_accounting_tax_i_ds import DefaultAccountingTaxIDs
from monite.types.default_ledger_account_i_ds import DefaultLedgerAccountIDs

from models.canonical import Side
from tests.api.world import VERSION, World
from tests.factories import (
    a_bill,
    a_contact,
    a_credit_note,
    a_payment,
    a_supplier,
    an_entry,
    an_invoice,
    an_item,
)

TYPES = ["product", "customer", "vendor", "receivable", "bill", "payment_record"]


@pytest.fixture
def filled(world: World) -> World:
    """Documents of all types that are in the ledger, with the ledger's word about them."""
    world.hand_in(
        a_contact(),
        a_supplier(),
        an_item(),
        *(an_invoice(f"I-{number}") for number in range(1, 8)),
        a_bill(),
        a_credit_note(),
        a_credit_note("N-2", side=Side.SUPPLIER, contact_id="S-1"),
        a_payment(),
        an_entry(),
    )
    world.sync()
    world.sync()
    return world


@contextmanager
def sdk(world: World, *, entity_id: UUID | None = None, token: str | None = None) -> Iterator[Any]:
    """The package's client; only its base URL is ours."""
    with httpx.Client(timeout=10) as http:
        yield Monite(
            base_url=f"{world.url}/v1",
            monite_version=VERSION,
            monite_entity_id=str(entity_id or world.entity_id),
            token=token or world.token(world.credential(connection_id=world.connection_id)),
            httpx_client=http,
        )


@asynccontextmanager
async def async_sdk(world: World) -> AsyncIterator[Any]:
    """The same, asynchronous."""
    async with httpx.AsyncClient(timeout=10) as http:
        yield AsyncMonite(
            base_url=f"{world.url}/v1",
            monite_version=VERSION,
            monite_entity_id=str(world.entity_id),
            token=world.token(world.credential(connection_id=world.connection_id)),
            httpx_client=http,
        )


def walk(read: Callable[..., Any], limit: int, **query: Any) -> list[list[Any]]:
    """All pages to the end, and back again to the first; they must be the same both ways."""
    pages = [read(limit=limit, **query)]
    assert pages[0].prev_pagination_token is None
    while token := pages[-1].next_pagination_token:
        pages.append(read(limit=limit, pagination_token=token, **query))
    back = [pages[-1]]
    while token := back[-1].prev_pagination_token:
        back.append(read(limit=limit, pagination_token=token, **query))
    ids = [[item.id for item in page.data] for page in pages]
    assert [[item.id for item in page.data] for page in reversed(back)] == ids
    return ids


async def async_walk(read: Callable[..., Awaitable[Any]], limit: int, **query: Any) -> list[Any]:
    """All pages to the end, and back again."""
    pages = [await read(limit=limit, **query)]
    while token := pages[-1].next_pagination_token:
        pages.append(await read(limit=limit, pagination_token=token, **query))
    back = [pages[-1]]
    while token := back[-1].prev_pagination_token:
        back.append(await read(limit=limit, pagination_token=token, **query))
    ids = [item.id for page in pages for item in page.data]
    assert [item.id for page in reversed(back) for item in page.data] == ids
    return ids


def test_a_token_is_had_and_used_with_the_package(filled: World) -> None:
    client_id, secret = filled.credential(connection_id=filled.connection_id)
    with sdk(filled, token="none yet") as monite:
        made = monite.access_tokens.create(
            client_id=client_id, client_secret=secret, grant_type="client_credentials"
        )
    with sdk(filled, token=made.access_token) as monite:
        assert len(monite.accounting.connections.get().data) == 1
    assert made.token_type == "Bearer"


def test_every_accounting_call_parses(filled: World) -> None:
    with sdk(filled) as monite:
        accounting = monite.accounting
        (connection,) = accounting.connections.get().data
        assert accounting.connections.get_by_id(connection.id).status == "connected"
        assert connection.last_pull.tzinfo is not None
        assert connection.business_info.name
        assert accounting.connections.sync_by_id(connection.id).message

        for kind in TYPES:
            found = accounting.synced_records.get(object_type=kind)
            assert found.data, kind
            for record in found.data:
                assert record.object_type == kind
                assert record.sync_status == "done"
                assert record.platform == "memory"
                assert accounting.synced_records.get_by_id(record.id).id == record.id
                assert accounting.synced_records.push_by_id(record.id).sync_status == "done"

        rates = accounting.tax_rates.get(sort="name").data
        assert [rate.effective_tax_rate for rate in rates] == [0, 2000, 550]
        assert accounting.tax_rates.get_by_id(rates[0].id).name == rates[0].name

        accounts = accounting.ledger_accounts.get(sort="name", order="desc").data
        assert [one.name for one in accounts] == sorted(
            (one.name for one in accounts), reverse=True
        )
        bank = next(one for one in accounts if one.nominal_code == "512000")
        assert (bank.type, bank.status) == ("Asset", "Active")
        assert accounting.ledger_accounts.get_by_id(bank.id).name == "Bank"

        (bill,) = accounting.payables.get(limit=10, offset=0).data
        assert (bill.total_amount, bill.status, bill.vendor_ref.name) == (
            120.0,
            "open",
            "Supplier S-1",
        )
        assert bill.lines[0].quantity == 1.0
        assert accounting.payables.get_by_id(bill.id).id == bill.id
        invoices = accounting.receivables.get().data
        assert len(invoices) == 7
        (paid_id,) = [one.id for one in invoices if one.amount_due == 0]
        paid = accounting.receivables.get_by_id(paid_id)
        assert (paid.status, paid.total_amount) == ("paid", 120.0)
        assert paid.invoice_number.startswith("INV-")  # the ledger's own number
        assert paid.customer_ref.company_name == "Customer C-1"
        account_id = paid.lines[0].ledger_account_id
        assert accounting.ledger_accounts.get_by_id(account_id).nominal_code == "706000"
        assert paid.lines[0].tax_rate_ref.id == "vat-20"

        ended = accounting.connections.disconnect_by_id(connection.id)
        assert ended.status == "disconnected"


def test_settings_of_an_entity_are_read_and_changed(filled: World) -> None:
    with sdk(filled) as monite:
        entity = str(filled.entity_id)
        accounts = {
            one.nominal_code: one.id for one in monite.accounting.ledger_accounts.get().data
        }
        rate = monite.accounting.tax_rates.get().data[0].id
        before = monite.entities.get_settings_by_id(entity).accounting
        assert before.ledger_account_ids.payments == accounts["512000"]
        assert before.tax_ids.deductions is None

        after = monite.entities.update_settings_by_id(
            entity,
            accounting=AccountingSettings(
                ledger_account_ids=DefaultLedgerAccountIDs(products=accounts["707000"]),
                tax_ids=DefaultAccountingTaxIDs(deductions=rate),
            ),
        ).accounting

        assert after.ledger_account_ids.payments == accounts["512000"]
        assert after.ledger_account_ids.products == accounts["707000"]
        assert after.tax_ids.deductions == rate
        assert monite.entities.get_settings_by_id(entity).accounting == after


def test_lists_are_paged_to_the_end_and_back(filled: World) -> None:
    with sdk(filled) as monite:
        accounting = monite.accounting
        for order in ("asc", "desc"):
            for sort in ("created_at", "updated_at"):
                pages = walk(
                    accounting.synced_records.get,
                    3,
                    object_type="receivable",
                    order=order,
                    sort=sort,
                )
                assert [len(page) for page in pages] == [3, 3, 2]
            assert len(walk(accounting.ledger_accounts.get, 4, order=order)) == 3
            assert len(walk(accounting.ledger_accounts.get, 9, sort="name", order=order)) == 1
            assert len(walk(accounting.tax_rates.get, 1, sort="name", order=order)) == 3


def test_the_asynchronous_client_can_do_the_same(filled: World) -> None:
    async def journey() -> None:
        async with async_sdk(filled) as monite:
            accounting = monite.accounting
            (connection,) = (await accounting.connections.get()).data
            assert (await accounting.connections.get_by_id(connection.id)).id == connection.id
            assert (await accounting.connections.sync_by_id(connection.id)).message
            for kind in TYPES:
                records = await async_walk(
                    accounting.synced_records.get, 2, object_type=kind, sort="updated_at"
                )
                assert records, kind
            record = await accounting.synced_records.get_by_id(records[0])
            assert (await accounting.synced_records.push_by_id(record.id)).id == record.id
            rates = await async_walk(accounting.tax_rates.get, 2)
            assert (await accounting.tax_rates.get_by_id(rates[0])).id == rates[0]
            accounts = await async_walk(accounting.ledger_accounts.get, 5)
            assert (await accounting.ledger_accounts.get_by_id(accounts[0])).id == accounts[0]
            bills = (await accounting.payables.get(limit=1)).data
            assert (await accounting.payables.get_by_id(bills[0].id)).id == bills[0].id
            invoices = (await accounting.receivables.get(limit=2, offset=1)).data
            assert (await accounting.receivables.get_by_id(invoices[0].id)).id == invoices[0].id
            entity = str(filled.entity_id)
            assert (await monite.entities.get_settings_by_id(entity)).accounting is not None
            assert (await monite.entities.update_settings_by_id(entity)).accounting is not None
            raw = await accounting.connections.with_raw_response.get()
            assert raw.headers["x-monite-version"] == VERSION
            ended = await accounting.connections.disconnect_by_id(connection.id)
            assert ended.status == "disconnected"

    asyncio.run(journey())


def test_a_connection_is_made_without_a_body_where_one_platform_fits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.accounting.platforms", lambda: ["memory"])
    other = world.entity("UK")
    token = world.token(world.credential(manage=True))
    with sdk(world, entity_id=other, token=token) as monite:
        made = monite.accounting.connections.create()
        assert made.status == "pending_auth"
        assert made.connection_url.startswith("http")
        assert [one.id for one in monite.accounting.connections.get().data] == [made.id]
        for _ in range(2):
            with pytest.raises(ApiError) as second:
                monite.accounting.connections.create()
            assert second.value.status_code == 409
        assert monite.accounting.connections.disconnect_by_id(made.id).status == "disconnected"
        assert monite.accounting.connections.get().data == []
        assert monite.accounting.connections.create().id != made.id


def test_errors_are_the_packages_own(world: World) -> None:
    with sdk(world, token="nobody") as monite, pytest.raises(UnauthorizedError):
        monite.accounting.connections.get()
    with sdk(world) as monite:
        with pytest.raises(UnprocessableEntityError) as invalid:
            monite.accounting.synced_records.get(object_type="unheard of")
        assert invalid.value.body["detail"][0]["loc"][-1] == "object_type"
        with pytest.raises(ApiError) as missing:
            monite.accounting.synced_records.get_by_id(str(uuid4()))
        assert missing.value.status_code == 404
        assert missing.value.body["error"]["message"]
