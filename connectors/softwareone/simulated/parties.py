"""Who is on the platform: accounts, buyers, sellers, vendors' authorizations, what is subscribed.

They are other parts of the platform's own API, which is not modelled; billing records name them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.softwareone.simulated.schemas import CLIENT, OPERATIONS, VENDOR
from connectors.softwareone.simulated.store import Books, Ref


@dataclass(frozen=True)
class Account:
    """An account of one of three kinds."""

    id: str
    name: str
    role: str

    @property
    def ref(self) -> Ref:
        """`{id, name}`."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True)
class Buyer:
    """A legal entity of a client."""

    id: str
    name: str
    client: Account
    country: str

    @property
    def ref(self) -> Ref:
        """`{id, name}`."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True)
class Authorization:
    """A vendor's permission to sell a product through an owner seller, in one currency."""

    id: str
    name: str
    vendor: Account
    product: Ref
    owner: Ref
    currency: str

    @property
    def ref(self) -> Ref:
        """`{id, name}`."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True)
class Agreement:
    """What a buyer has agreed with a seller about a vendor's product."""

    id: str
    name: str
    vendor_id: str
    buyer: Buyer
    seller: Ref
    licensee: Ref
    authorization: Authorization

    @property
    def parties(self) -> dict[str, Ref]:
        """What records of this agreement name."""
        return {
            "client": self.buyer.client.ref,
            "buyer": self.buyer.ref,
            "vendor": self.authorization.vendor.ref,
            "seller": self.seller,
            "product": self.authorization.product,
            "agreement": {"id": self.id, "name": self.name},
            "licensee": self.licensee,
        }


@dataclass(frozen=True)
class Subscription:
    """What is subscribed under an agreement; a split one is shared between agreements."""

    id: str
    vendor_id: str
    agreement: Agreement
    shares: tuple[tuple[Agreement, Decimal], ...] = ()
    """Agreements with their percentages, where several buyers share."""


@dataclass(frozen=True)
class Item:
    """What a vendor charges for."""

    id: str
    name: str
    vendor_id: str
    vendor: Account


@dataclass(frozen=True)
class Known:
    """Ids for bodies of tests."""

    authorization: str
    other_authorization: str
    foreign_authorization: str
    agreement: str
    agreement_vendor_id: str
    subscription: str
    subscription_vendor_id: str
    item: str
    item_vendor_id: str
    buyer: str
    second_buyer: str
    foreign_buyer: str
    client: str
    other_client: str
    vendor: str
    other_vendor: str
    operations: str
    seller: str
    other_seller: str
    licensee: str
    product: str


@dataclass
class Parties:
    """Everybody, by id, in the order in which they came."""

    books: Books
    accounts: dict[str, Account] = field(default_factory=dict)
    buyers: dict[str, Buyer] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    sellers: dict[str, Ref] = field(default_factory=dict)

    def add_account(self, role: str, name: str) -> Account:
        """An account."""
        account = Account(self.books.new_id("ACC"), name, role)
        self.accounts[account.id] = account
        return account

    def add_buyer(self, client: Account, name: str, country: str = "NL") -> Buyer:
        """A legal entity of a client."""
        buyer = Buyer(self.books.new_id("BUY"), name, client, country)
        self.buyers[buyer.id] = buyer
        return buyer

    def add_seller(self, name: str) -> Ref:
        """A SoftwareOne company."""
        seller = {"id": self.books.new_id("SEL"), "name": name}
        self.sellers[seller["id"]] = seller
        return seller

    def add_authorization(self, vendor: Account, product: str, currency: str) -> Authorization:
        """A vendor's permission to sell."""
        found = Authorization(
            self.books.new_id("AUT", 3),
            f"{product} {currency}",
            vendor,
            {"id": self.books.new_id("PRD"), "name": product},
            self.sellers[next(iter(self.sellers))],
            currency,
        )
        self.authorizations[found.id] = found
        return found

    def add_agreement(
        self, authorization: Authorization, buyer: Buyer, seller: Ref | None = None
    ) -> Agreement:
        """A buyer agrees."""
        number = len(self.agreements) + 1
        agreement = Agreement(
            self.books.new_id("AGR", 3),
            f"{authorization.product['name']} for {buyer.name}",
            f"VA-{number:05d}",
            buyer,
            seller or authorization.owner,
            {"id": self.books.new_id("LCE", 3), "name": f"{buyer.name}, head office"},
            authorization,
        )
        self.agreements[agreement.id] = agreement
        return agreement

    def agreement_for(self, buyer: Buyer, authorization: Authorization | None = None) -> Agreement:
        """A buyer's first agreement (under an authorization), made when there is none."""
        wanted = authorization or next(iter(self.authorizations.values()))
        for agreement in self.agreements.values():
            if agreement.buyer == buyer and authorization in (None, agreement.authorization):
                return agreement
        return self.add_agreement(wanted, buyer)

    def add_subscription(
        self,
        agreement: Agreement,
        vendor_id: str | None = None,
        split: Mapping[str, Decimal] | None = None,
    ) -> Subscription:
        """Something is subscribed, perhaps shared between buyers (by id, with percentages)."""
        shares = tuple(
            (self.agreement_for(self.buyers[buyer], agreement.authorization), percentage)
            for buyer, percentage in (split or {}).items()
        )
        number = len(self.subscriptions) + 1
        found = Subscription(
            self.books.new_id("SUB", 3), vendor_id or f"VS-{number:05d}", agreement, shares
        )
        self.subscriptions[found.id] = found
        return found

    def add_item(self, vendor: Account, vendor_id: str | None = None) -> Item:
        """A vendor offers something."""
        number = len(self.items) + 1
        found = Item(
            self.books.new_id("ITM", 3), f"Item {number}", vendor_id or f"SKU-{number:04d}", vendor
        )
        self.items[found.id] = found
        return found


def settled(parties: Parties) -> Known:
    """The first inhabitants; returns their ids."""
    operations = parties.add_account(OPERATIONS, "SoftwareOne Operations")
    seller = parties.add_seller("SoftwareOne Nederland B.V.")
    other_seller = parties.add_seller("SoftwareOne Belgium BV")
    vendor = parties.add_account(VENDOR, "Cumulus Cloud")
    other_vendor = parties.add_account(VENDOR, "Pixelforge Software")
    client = parties.add_account(CLIENT, "Havenmeester Groep")
    other_client = parties.add_account(CLIENT, "Brouwer & Zonen")
    buyer = parties.add_buyer(client, "Havenmeester Logistics B.V.")
    second = parties.add_buyer(client, "Havenmeester Belgium BV", "BE")
    foreign = parties.add_buyer(other_client, "Brouwer & Zonen B.V.")
    authorization = parties.add_authorization(vendor, "Cumulus Compute", "EUR")
    other = parties.add_authorization(vendor, "Cumulus Storage", "USD")
    theirs = parties.add_authorization(other_vendor, "Pixelforge Studio", "EUR")
    agreement = parties.add_agreement(authorization, buyer)
    parties.add_agreement(authorization, second, other_seller)
    parties.add_agreement(authorization, foreign)
    parties.add_agreement(theirs, foreign)
    parties.add_agreement(other, buyer)
    subscription = parties.add_subscription(agreement)
    item = parties.add_item(vendor)
    return Known(
        authorization=authorization.id,
        other_authorization=other.id,
        foreign_authorization=theirs.id,
        agreement=agreement.id,
        agreement_vendor_id=agreement.vendor_id,
        subscription=subscription.id,
        subscription_vendor_id=subscription.vendor_id,
        item=item.id,
        item_vendor_id=item.vendor_id,
        buyer=buyer.id,
        second_buyer=second.id,
        foreign_buyer=foreign.id,
        client=client.id,
        other_client=other_client.id,
        vendor=vendor.id,
        other_vendor=other_vendor.id,
        operations=operations.id,
        seller=seller["id"],
        other_seller=other_seller["id"],
        licensee=agreement.licensee["id"],
        product=authorization.product["id"],
    )
