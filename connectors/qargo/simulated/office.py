"""What people set up in the simulated Qargo: entities, companies, rates, API clients, documents."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from connectors.qargo.simulated import chart
from connectors.qargo.simulated.lines import Line, items_of
from connectors.qargo.simulated.service import QargoService
from connectors.qargo.simulated.store import (
    Account,
    BillingEntity,
    Client,
    ClientKind,
    Company,
    Document,
    Integration,
    SubjectType,
    Task,
    TaxRate,
    Tenant,
)


class Refused(Exception):  # noqa: N818  # the product's answer to a person, not a crash
    """The product does not let a person do that; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Office(QargoService):
    """The settings pages of the product, and the one that issues documents.

    Wherever `tenant` can be named, None is the first one. Entities are named by their code.
    """

    def add_tenant(self, name: str) -> str:
        """Make another organisation, to be named as `tenant=` elsewhere. Returns its name."""
        with self.lock:
            self.tenants[name] = Tenant(name, self.seed)
        return name

    def add_entity(
        self,
        code: str,
        *,
        default: bool | None = None,
        country: str | None = None,
        tenant: str | None = None,
    ) -> BillingEntity:
        """Make a billing entity with tax rates and ledger accounts.

        Args:
            code: `NL`, `BE` ... unique in the tenant.
            default: Whether it is the default entity; None: when it is the first.
            country: Whose tax rates it has: NL, BE, DE, FR, GB; None: `code` if it is one, or NL.
            tenant: Where.
        """
        with self.lock:
            at = self.tenant(tenant)
            if at.entity(code):
                raise Refused("code_taken", f"there is a billing entity {code}")
            return chart.entity(at, code, default=default, country=country)

    def add_company(
        self, name: str, *, supplier: bool = False, country: str = "NL", tenant: str | None = None
    ) -> Company:
        """Make a customer, or a supplier; its code and accounting code are made up."""
        with self.lock:
            return chart.company(self.tenant(tenant), name, supplier=supplier, country=country)

    def add_tax_rate(
        self,
        entity: str,
        percentage: str,
        *,
        code: str,
        invoice_type: str = "SALES",
        archived: bool = False,
        tenant: str | None = None,
    ) -> TaxRate:
        """Add a tax rate that no line uses, to be listed.

        `invoice_type` is `SALES`, `SALES_CREDIT_NOTE`, `PURCHASE` or `PURCHASE_CREDIT_NOTE`.
        """
        with self.lock:
            at = self.tenant(tenant)
            rate = TaxRate(
                id=at.new_id(),
                entity_id=self.entity(entity, tenant).id,
                slot=code,
                invoice_type=invoice_type,
                name=f"VAT {percentage} %",
                percentage=Decimal(percentage),
                code=code,
                tax_type="VAT",
                archived=archived,
            )
            at.tax_rates[rate.id] = rate
            return rate

    def add_account(
        self,
        entity: str,
        code: str,
        name: str,
        *,
        archived: bool = False,
        tenant: str | None = None,
    ) -> Account:
        """Add a ledger account, to be listed."""
        with self.lock:
            at = self.tenant(tenant)
            owner = self.entity(entity, tenant)
            account = Account(at.new_id(), owner.id, code, name, archived=archived)
            at.accounts[account.id] = account
            return account

    def credentials(
        self, kind: ClientKind | str, *entities: str, tenant: str | None = None
    ) -> dict[str, str]:
        """Make an API client. Returns `{"client_id": ..., "secret_id": ...}`.

        An INT client belongs to the integration that is linked to exactly these entities, which
        is made if there is none; an ORG client has no integration and names no entity.

        Raises:
            Refused: `integration_exists`: another enabled integration has one of the entities.
        """
        with self.lock:
            at, kind = self.tenant(tenant), ClientKind(kind)
            if (kind is ClientKind.INT) != bool(entities):
                raise ValueError("an INT client names its entities, an ORG client names none")
            mine = self._linked_to(at, entities) if kind is ClientKind.INT else None
            client = Client(at.new_id(), at.new_id(), kind, mine.id if mine else None)
            at.clients[client.client_id] = client
            return {"client_id": client.client_id, "secret_id": client.secret_id}

    def _linked_to(self, at: Tenant, codes: Sequence[str]) -> Integration:
        linked = frozenset(self.entity(code, at.name).id for code in codes)
        for one in at.integrations.values():
            if one.entities == linked:
                return one
        return self.keep(at, Integration(at.new_id(), linked))

    def keep(self, at: Tenant, integration: Integration) -> Integration:
        """Keep an integration as it is now.

        Raises:
            Refused: `integration_exists`: two enabled ones would post for one entity.
        """
        for other in at.integrations.values():
            if (
                other.id != integration.id
                and other.enabled
                and integration.enabled
                and (other.entities & integration.entities)
            ):
                codes = ", ".join(at.codes(other))
                raise Refused("integration_exists", f"an enabled one is linked to {codes}")
        at.integrations[integration.id] = integration
        return integration

    def add_invoice(
        self,
        entity: str | None,
        *,
        kind: SubjectType | str = SubjectType.SALES_INVOICE,
        lines: Sequence[Line | str] = ("100.00",),
        number: str | None = None,
        external_name: str | None = None,
        date: dt.date = dt.date(2026, 11, 2),
        due_date: dt.date | None = None,
        company: str | None = None,
        credit_of: str | None = None,
        currency: str | None = None,
        exchange_rate: str | None = None,
        references: Sequence[str] = (),
        tenant: str | None = None,
    ) -> Task:
        """Issue a billing document of any kind, with a task that asks for it to be posted.

        Args:
            entity: Code of its billing entity; None: it has none (which old documents may).
            kind: `SALES_INVOICE`, `SALES_CREDIT_NOTE`, `PURCHASE_INVOICE`, `PURCHASE_CREDIT_NOTE`.
            lines: A plain string is the amount of a line with the standard rate.
            number: None takes the next one of the entity's own sequence.
            external_name: A purchase document's number at the supplier; None makes one up.
            date: The document's date.
            due_date: None is 30 days later.
            company: Id of its customer or supplier; None takes a usual one.
            credit_of: Id of the document that a credit note corrects.
            currency: None is the entity's.
            exchange_rate: To the entity's currency, where that is another one.
            references: The customer's reference numbers.
            tenant: Where.

        Returns:
            The task: `task.document_id` is the document's id.
        """
        with self.lock:
            at, kind = self.tenant(tenant), SubjectType(kind)
            owner = None if entity is None else self.entity(entity, tenant)
            document = Document(
                id=at.new_id(),
                subject_type=kind,
                number=number or at.next_number(owner, kind),
                date=date,
                due_date=due_date or date + dt.timedelta(days=30),
                currency=currency or (owner.currency if owner else "EUR"),
                company_id=company or chart.usual_company(at, supplier=kind.purchase).id,
                items=items_of(at, kind, lines),
                entity_id=owner.id if owner else None,
                external_name=external_name or f"EXT-{len(at.documents) + 1:05d}",
                exchange_rate=Decimal(exchange_rate) if exchange_rate else None,
                credit_of=credit_of,
                references=tuple(references),
                file_id=at.new_id(),
            )
            return self.issue(at, document)
