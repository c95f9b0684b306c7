"""One GraphQL request: parsed, validated, priced, executed against a company's books."""

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLResolveInfo,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
    value_from_ast_untyped,
)

from connectors.sage_active.simulation.cost import cost
from connectors.sage_active.simulation.operations import MUTATIONS, right_for
from connectors.sage_active.simulation.query import Listing
from connectors.sage_active.simulation.refusals import TEXTS, BusinessError, Row
from connectors.sage_active.simulation.rules import ServerRules
from connectors.sage_active.simulation.schema import COLLECTIONS, schema, target_of
from connectors.sage_active.simulation.store import Books

WITHOUT_ORGANISATION = frozenset(
    {"userProfile", "organizations", "localizedEnumValues", "localizedErrorMessage"}
)
_SHOWN_IN_LIST = (
    "id",
    "creationDate",
    "modificationDate",
    "onboardingCompleted",
    "onboardingDateCompleted",
    "legislationCode",
    "socialName",
)
"""`organizations` fills these only; the rest is in `organizationDetail` ("organizations_new")."""
_OPEN_ITEMS = {
    "salesInvoiceOpenItems": "salesInvoiceId",
    "purchaseInvoiceOpenItems": "purchaseInvoiceId",
}
Result = tuple[int, dict[str, Any]]


@dataclass
class Access:
    """What the signed-in user may do in one company."""

    allowed: bool = True
    denied: set[str] = field(default_factory=set)
    """Operations that the user's role lacks the right for."""
    missing: set[str] = field(default_factory=set)
    """Operations that the company's plan does not include."""


@dataclass
class Call:
    """One request on its way through the resolvers."""

    rules: ServerRules
    profile: Row
    organisations: list[Row]
    books: Books | None
    access: Access | None
    header_given: bool
    may_write: bool
    calls: Counter[str]
    errors: list[GraphQLError] = field(default_factory=list)
    """What a resolver has to say besides the one error that it raises."""


def run(call: Call, body: Any, *, costs: dict[str, int] | None = None) -> tuple[Result, list[str]]:
    """The HTTP status and body of an answer, and the lists that were read."""
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return _bad_request([GraphQLError("The request has no query.")]), []
    document, errors = _document(body["query"])
    if document is None or errors:
        return _bad_request(errors), []
    variables, name = body.get("variables") or {}, body.get("operationName")
    operation = get_operation_ast(document, name)
    if operation is None or not isinstance(variables, dict):
        return _bad_request([GraphQLError("The operation is not clear.")]), []
    price = cost(document, operation, {**_defaults(operation), **variables}, call.rules)
    roots = _roots(operation)
    if costs is not None:
        costs.update(dict.fromkeys(roots, price))
    if price > call.rules.cost_limit and operation.operation is OperationType.QUERY:
        return (200, _too_complex(price, call.rules)), []
    result: Any = execute(
        schema(),
        document,
        context_value=call,
        variable_values=variables,
        operation_name=name,
        field_resolver=_resolve,
    )
    errors = [*(result.errors or ()), *call.errors]
    if result.data is None:
        return _bad_request(errors), []
    answer: dict[str, Any] = {"data": result.data}
    if errors:
        answer = {"errors": [error.formatted for error in errors], **answer}
    return (200, answer), [root for root in roots if root in COLLECTIONS]


@functools.lru_cache(maxsize=512)
def _document(text: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    """A document and what is wrong with it; clients send the same ones again and again."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        return None, [error]
    return document, validate(schema(), document)


def _bad_request(errors: list[GraphQLError]) -> Result:
    return 400, {"errors": [error.formatted for error in errors]}


def _too_complex(price: int, rules: ServerRules) -> dict[str, Any]:
    words = (
        ("fieldCost", "maxFieldCost")
        if rules.old_cost_words
        else (
            "complexity",
            "allowedComplexity",
        )
    )
    figures = dict(zip(words, (price, rules.cost_limit), strict=True))
    message = "The maximum allowed operation complexity was exceeded."
    return {"errors": [{"message": message, "extensions": {"code": "HC0047", **figures}}]}


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value is not None
    }


def _roots(operation: OperationDefinitionNode) -> list[str]:
    found: list[str] = []
    for one in operation.selection_set.selections:
        found += [one.name.value] if hasattr(one, "name") else []
    return found


def _resolve(source: Any, info: "GraphQLResolveInfo[Call]", **given: Any) -> Any:
    kind, name, call = info.parent_type.name, info.field_name, info.context
    if kind == "Query":
        return _query(call, name, given)
    if kind == "Mutation":
        return _mutation(call, info, name, given["input"])
    if call.books is None:
        return source.get(name)
    return call.books.value(kind, source, name, target_of(kind, name))


def _books(call: Call, name: str) -> Books:
    """The company that the header names.

    Raises:
        GraphQLError: There is no header, or the user may not go there.
    """
    if not call.header_given:
        raise GraphQLError("X-OrganizationId header is mandatory")
    if call.books is None or call.access is None or not call.access.allowed:
        raise _not_authorised()
    if name in call.access.missing:
        raise _business(call, BusinessError("global.authorizationFeature"))
    if name in call.access.denied:
        raise _business(call, BusinessError("global.authorizationPolicy", right=right_for(name)))
    return call.books


def _not_authorised() -> GraphQLError:
    message = "The current user is not authorized to access this resource."
    return GraphQLError(message, extensions={"code": "AUTH_NOT_AUTHORIZED"})


def _business(call: Call, error: BusinessError) -> GraphQLError:
    details: Any = error.details
    if set(error.details) == {"right"}:
        details = error.details["right"]
    extensions = {"details": details} if details else None
    first, *more = (GraphQLError(code, extensions=extensions) for code in error.codes)
    call.errors += more
    return first


def _query(call: Call, name: str, given: Mapping[str, Any]) -> Any:
    call.calls[name] += 1
    match name:
        case "userProfile":
            return call.profile
        case "organizations":
            rows = [
                {**dict.fromkeys(row), **{one: row[one] for one in _SHOWN_IN_LIST}}
                for row in call.organisations
            ]
            some = call.books or Books("", *(None,) * 3)  # type: ignore[arg-type]  # rows only
            return Listing(some, call.rules).page("Organization", rows, given)
        case "localizedErrorMessage":
            code = given["errorCode"]
            return {"message": TEXTS.get(code, code)}
        case "localizedEnumValues":
            return _enum_values(given["enumName"])
    books = _books(call, name)
    if name in COLLECTIONS:
        table = "openItems" if name in _OPEN_ITEMS else name
        rows = books.rows(table)
        if key := _OPEN_ITEMS.get(name):
            rows = [row for row in rows if row[key] is not None]
        return Listing(books, call.rules).page(COLLECTIONS[name], rows, given)
    return _SINGLE[name](call, books, given)


def _setup(which: str) -> Callable[[Call, Books, Mapping[str, Any]], Row]:
    def read(_call: Call, books: Books, given: Mapping[str, Any]) -> Row:
        if given["id"] != books.id:
            raise _not_authorised()
        row: Row = getattr(books, which)
        return {"id": books.id, **row}

    return read


def _policies(call: Call, _books: Books, given: Mapping[str, Any]) -> list[Row]:
    known = {*COLLECTIONS, *_SINGLE, *MUTATIONS, *WITHOUT_ORGANISATION}
    if set(given["actions"]) - known:
        raise _business(call, BusinessError("global.unknownActionNames"))
    access = call.access or Access()
    closed = access.denied | access.missing
    if not call.may_write:
        closed |= set(MUTATIONS)
    return [{"action": one, "isAllowed": one not in closed} for one in given["actions"]]


def _manual_codes(_call: Call, books: Books, _given: Mapping[str, Any]) -> Row:
    return dict.fromkeys(("customerCodeIsManual", "supplierCodeIsManual"), False) | {
        "legislation": books.legislation
    }


_SINGLE: Mapping[str, Callable[[Call, Books, Mapping[str, Any]], Any]] = {
    "organizationDetail": lambda _call, books, _given: books.organisation,
    "userAccessPolicyCheck": _policies,
    "thirdPartyCodeModeSettings": _manual_codes,
    "organizationAccountingSetupByOrgId": _setup("setup"),
    "organizationSalesSetupByOrgId": _setup("sales_setup"),
}


def _enum_values(name: str) -> list[Row]:
    kind: Any = schema().type_map.get(name)
    if not hasattr(kind, "values"):
        raise GraphQLError("the enum is not known")
    return [{"name": one, "value": one.replace("_", " ").capitalize()} for one in kind.values]


def _mutation(call: Call, info: "GraphQLResolveInfo[Call]", name: str, given: Row) -> Row:
    call.calls[name] += 1
    books = _books(call, name)
    if not call.may_write:
        raise _business(call, BusinessError("global.authorizationPolicy", right=right_for(name)))
    kind: Any = get_named_type(info.parent_type.fields[name].args["input"].type)
    try:
        _check_lengths(kind, given, "")
        with books.atomic():
            return MUTATIONS[name](books, given)
    except BusinessError as error:
        raise _business(call, error) from None


def _check_lengths(kind: GraphQLInputObjectType, given: Mapping[str, Any], path: str) -> None:
    for name, longest, nested in _limits(kind):
        value = given.get(name)
        if value is None:
            continue
        where = f"{path}{name}"
        if longest is not None and len(value) > longest:
            raise BusinessError("global.maxLengthExceeded", field=where, max=longest)
        if nested is not None:
            for one in value if isinstance(value, list) else [value]:
                _check_lengths(nested, one, f"{where}.")


@functools.cache
def _limits(
    kind: GraphQLInputObjectType,
) -> list[tuple[str, int | None, GraphQLInputObjectType | None]]:
    found = []
    for name, one in kind.fields.items():
        inner = get_named_type(one.type)
        nested = inner if isinstance(inner, GraphQLInputObjectType) else None
        directives = one.ast_node.directives if one.ast_node else ()
        longest = next(
            (
                value_from_ast_untyped(directive.arguments[0].value)
                for directive in directives or ()
                if directive.name.value == "length"
            ),
            None,
        )
        if longest is not None or nested is not None:
            found.append((name, longest, nested))
    return found
