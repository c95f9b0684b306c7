"""The GraphQL schema: hand-written types, and what Hot Chocolate derives from them.

`sdl/*.graphql` has objects, enums and inputs as documented, with the longest text that each field
takes. Connections, filters and sort inputs follow from the object types by the naming rules that
are seen in Sage's schema files, and are written by this module.
"""

import datetime as dt
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldDefinitionNode,
    FloatValueNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    StringValueNode,
    TypeNode,
    ValueNode,
    build_ast_schema,
    concat_ast,
    get_named_type,
    parse,
)

FILES = ("common", "reference", "parties", "documents", "entries")
COLLECTIONS = {
    "organizations": "Organization",
    "countries": "Country",
    "currencies": "Currency",
    "documentTypes": "DocumentType",
    "taxes": "Tax",
    "taxGroups": "TaxGroup",
    "taxTreatments": "TaxTreatment",
    "accountingAccounts": "AccountingAccount",
    "journalTypes": "JournalType",
    "accountingExercises": "AccountingExercise",
    "accountingPeriods": "AccountingPeriod",
    "accountingEntrySessions": "AccountingEntrySession",
    "paymentMeans": "PaymentMean",
    "paymentMethods": "PaymentMethod",
    "paymentTerms": "PaymentTerm",
    "operationalNumberPresetTexts": "OperationalNumberPresetText",
    "dimensions": "Dimension",
    "customers": "Customer",
    "suppliers": "Supplier",
    "products": "Product",
    "salesInvoices": "SalesInvoice",
    "salesInvoiceLines": "SalesInvoiceLine",
    "salesInvoiceOpenItems": "SalesInvoiceOpenItem",
    "purchaseInvoices": "PurchaseInvoice",
    "purchaseInvoiceOpenItems": "PurchaseInvoiceOpenItem",
    "accountingEntries": "AccountingEntry",
    "accountingEntryLines": "AccountingEntryLine",
    "accountingEntryPayments": "AccountingEntryPayment",
    "accountingEntryDimensionTags": "AccountingEntryDimensionTag",
}
"""Query → type of its rows."""
_SINGLE = """
  organizationDetail: Organization
  userProfile: UserProfile
  userAccessPolicyCheck(actions: [String!]!): [ActionPolicy]
  localizedErrorMessage(errorCode: String!, language: String!): LocalizedErrorMessage
  localizedEnumValues(enumName: String!, language: String!): [LocalizedEnumValue]
  thirdPartyCodeModeSettings: ThirdPartyCodeModeSettings
  organizationAccountingSetupByOrgId(id: ID!): OrganizationAccountingSetup
  organizationSalesSetupByOrgId(id: ID!): OrganizationSalesSetup
"""
_RANGE = "gt gte lt lte ngt ngte nlt nlte"
_OPERATORS = {
    "Uuid": ("UUID", _RANGE),
    "String": ("String", "contains ncontains startsWith nstartsWith endsWith nendsWith"),
    "DateTime": ("DateTime", _RANGE),
    "Decimal": ("Decimal", _RANGE),
    "Int": ("Int", _RANGE),
    "ID": ("ID", _RANGE),
}
_FILTER_OF = {scalar: name for name, (scalar, _) in _OPERATORS.items()}
_NOT_ROWS = {"PageInfo", "Mutation", "UserProfile", "ActionPolicy", "LocalizedErrorMessage"}


def _named(node: TypeNode) -> tuple[str, bool]:
    """A field's type without its wrappings, and whether it is a list."""
    listed = False
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        listed = listed or isinstance(node, ListTypeNode)
        node = node.type
    assert isinstance(node, NamedTypeNode)  # noqa: S101  # nothing else is left
    return node.name.value, listed


def _is_row(node: ObjectTypeDefinitionNode) -> bool:
    name = node.name.value
    return name not in _NOT_ROWS and not re.search(r"Output(\w+)?GLDto$", name)


def _searchable(node: ObjectTypeDefinitionNode) -> list[FieldDefinitionNode]:
    return [
        field
        for field in node.fields or ()
        if not any(one.name.value == "computed" for one in field.directives or ())
    ]


class _Derived:
    """Writes the filters, sort inputs and connections that follow from the types."""

    def __init__(self, types: DocumentNode) -> None:
        nodes = [one for one in types.definitions if isinstance(one, ObjectTypeDefinitionNode)]
        self._rows = {node.name.value: node for node in nodes if _is_row(node)}
        self._enums: set[str] = set()
        self._lists: set[str] = set()

    def text(self) -> str:
        parts = [self._inputs(node) for node in self._rows.values()]
        parts += [self._connection(query, name) for query, name in COLLECTIONS.items()]
        parts += [
            f"input NullableOf{name}OperationFilterInput"
            f" {{ eq: {name} neq: {name} in: [{name}] nin: [{name}] }}"
            for name in sorted(self._enums)
        ]
        parts += [
            f"input ListFilterInputTypeOf{name} {{ all: {name} none: {name} some: {name} any: Boolean }}"
            for name in sorted(self._lists)
        ]
        parts += [_operators(*one) for one in _OPERATORS.items()]
        parts.append("input BooleanOperationFilterInput { eq: Boolean neq: Boolean }")
        queries = "\n".join(
            f"  {query}(first: Int after: String last: Int before: String"
            f" where: {name}FilterInput order: [{name}SortInput!]): {_upper(query)}Connection"
            for query, name in COLLECTIONS.items()
        )
        parts.append(f"type Query {{{_SINGLE}{queries}\n}}")
        return "\n".join(parts)

    def _inputs(self, node: ObjectTypeDefinitionNode) -> str:
        name = node.name.value
        filters, sorts = [], []
        for field in _searchable(node):
            kind, listed = _named(field.type)
            filters.append(f"{field.name.value}: {self._filter(kind, listed=listed)}")
            if not listed:
                by = f"{kind}SortInput" if kind in self._rows else "SortEnumType"
                sorts.append(f"{field.name.value}: {by}")
        one = f"{name}FilterInput"
        return (
            f"input {one} {{ and: [{one}!] or: [{one}!] {' '.join(filters)} }}\n"
            f"input {name}SortInput {{ {' '.join(sorts)} }}"
        )

    def _filter(self, kind: str, *, listed: bool) -> str:
        if kind in self._rows:
            name = f"{kind}FilterInput"
        elif kind in _FILTER_OF:
            name = f"{_FILTER_OF[kind]}OperationFilterInput"
        elif kind == "Boolean":
            name = "BooleanOperationFilterInput"
        else:
            self._enums.add(kind)
            name = f"NullableOf{kind}OperationFilterInput"
        if not listed:
            return name
        self._lists.add(name)
        return f"ListFilterInputTypeOf{name}"

    def _connection(self, query: str, name: str) -> str:
        field = _upper(query)
        return (
            f"type {field}Connection"
            f" {{ pageInfo: PageInfo! edges: [{field}Edge!] nodes: [{name}] totalCount: Int! }}\n"
            f"type {field}Edge {{ cursor: String! node: {name} }}"
        )


def _operators(name: str, kind: tuple[str, str]) -> str:
    scalar, more = kind
    fields = " ".join(f"{one}: {scalar}" for one in ["eq", "neq", *more.split()])
    return (
        f"input {name}OperationFilterInput {{ {fields} in: [{scalar}] nin: [{scalar}]"
        f" and: [{name}OperationFilterInput!] or: [{name}OperationFilterInput!] }}"
    )


def _upper(query: str) -> str:
    return query[:1].upper() + query[1:]


@cache
def schema() -> GraphQLSchema:
    """The schema, made once per process; it holds no state."""
    folder = Path(__file__).parent / "sdl"
    types = [parse((folder / f"{name}.graphql").read_text(), no_location=True) for name in FILES]
    written = concat_ast(types)
    derived = parse(_Derived(written).text(), no_location=True)
    # Valid as it stands, which a test checks; doing so here would double the time to start.
    built = build_ast_schema(concat_ast([written, derived]), assume_valid=True)
    for name, (out, into) in _SCALARS.items():
        scalar: Any = built.type_map[name]
        scalar.serialize = out
        scalar.parse_value = into
        scalar.parse_literal = _literal(into)
        # The names that graphql-core 3.3 asks for first.
        scalar.coerce_output_value = out
        scalar.coerce_input_value = into
        scalar.coerce_input_literal = _literal(into)
    return built


@cache
def target_of(type_name: str, field: str) -> str:
    """The type that a field has or lists."""
    owner: Any = schema().type_map[type_name]
    return str(get_named_type(owner.fields[field].type).name)


@cache
def is_row(type_name: str) -> bool:
    """Whether a type is one of rows, not of plain values."""
    return f"{type_name}FilterInput" in schema().type_map


_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def _uuid_in(value: Any) -> str:
    if isinstance(value, str) and _GUID.fullmatch(value.lower()):
        return value.lower()
    raise GraphQLError(f"UUID cannot represent {value!r}")


def _moment_in(value: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None:
            return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    raise GraphQLError(f"DateTime cannot represent {value!r}")


def _decimal_in(value: Any) -> Decimal:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value))
    raise GraphQLError(f"Decimal cannot represent {value!r}")


def _moment_out(value: dt.datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"


def _literal(into: Any) -> Any:
    def read(node: ValueNode, _variables: Any = None) -> Any:
        match node:
            case IntValueNode() | FloatValueNode():
                return into(Decimal(node.value))
            case StringValueNode():
                return into(node.value)
            case BooleanValueNode():
                return into(node.value)
        raise GraphQLError("a plain value is needed")

    return read


_SCALARS: dict[str, tuple[Any, Any]] = {
    "UUID": (str, _uuid_in),
    "DateTime": (_moment_out, _moment_in),
    "Decimal": (float, _decimal_in),
}
