"""What a query costs: each field weighs 10 and multiplies with the size of its page.

Documented are the weight, the multiplication and the limit ("complexity" page); that lists inside
a record do not multiply is our reading of the rule of thumb "at 500 rows no more than 130 fields".
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from connectors.sage_active.simulation.rules import ServerRules
from connectors.sage_active.simulation.schema import COLLECTIONS

WEIGHT = 10


def cost(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    rules: ServerRules,
) -> int:
    """The cost of an operation."""
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    return _cost(operation.selection_set, fragments, variables, rules, root=True)


def _cost(
    selections: SelectionSetNode | None,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    rules: ServerRules,
    *,
    root: bool = False,
) -> int:
    total = 0
    for one in selections.selections if selections else ():
        if isinstance(one, FieldNode):
            below = _cost(one.selection_set, fragments, variables, rules)
            paged = root and one.name.value in COLLECTIONS
            size = _size(one, variables, rules) if paged else 1
            total += WEIGHT + below * size
        elif isinstance(one, InlineFragmentNode):
            total += _cost(one.selection_set, fragments, variables, rules, root=root)
        elif isinstance(one, FragmentSpreadNode):
            fragment = fragments[one.name.value]
            total += _cost(fragment.selection_set, fragments, variables, rules, root=root)
    return total


def _size(field: FieldNode, variables: Mapping[str, Any], rules: ServerRules) -> int:
    for argument in field.arguments or ():
        if argument.name.value not in {"first", "last"}:
            continue
        value = argument.value
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, VariableNode):
            given = variables.get(value.name.value)
            if isinstance(given, int):
                return given
    return rules.default_page
