"""Records as one role sees them: members it may not see are gone, and so are those without value.

That values hidden from a role are neither returned nor named in `$meta.omitted`, and that empty
members are left out, is the platform's (its developer documentation and object descriptions, read
2026-11-20).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.softwareone.simulated import schemas
from connectors.softwareone.simulated.answers import Problem
from connectors.softwareone.simulated.filtering import at, located
from connectors.softwareone.simulated.schemas import Schema

Json = dict[str, Any]


def _tree(paths: Iterable[str]) -> Json:
    tree: Json = {}
    for path in paths:
        here = tree
        *outer, last = path.split(".")
        for part in outer:
            here = here.setdefault(part, {})
        here[last] = None
    return tree


def _copied(value: Any, hidden: Any) -> Any:
    """A copy without what is hidden or empty; None when nothing is left."""
    if isinstance(value, dict):
        kept = {}
        for name, part in value.items():
            if part is None or (name in hidden and not hidden[name]):
                continue
            copy = _copied(part, hidden.get(name) or {})
            if copy is not None:
                kept[name] = copy
        return kept or None
    if isinstance(value, list):
        return [copy for one in value if (copy := _copied(one, {})) is not None] or None
    return value


def without_hidden(schema: Schema, paths: Iterable[str]) -> Schema:
    """A schema less some dotted paths."""

    def cut(part: Schema, tree: Mapping[str, Any]) -> Schema:
        return {
            name: cut(kind, tree[name]) if tree.get(name) else kind
            for name, kind in part.items()
            if name not in tree or tree[name]
        }

    return cut(schema, _tree(paths))


@dataclass(frozen=True)
class View:
    """What a role sees of a kind of record."""

    schema: Schema
    see: Callable[[Mapping[str, Any]], Json]


def view(kind: str, role: str) -> View:
    """The view of a role on a kind of record."""
    paths = schemas.hidden(kind, role)
    tree = _tree(paths)

    def see(body: Mapping[str, Any]) -> Json:
        return _copied(body, tree) or {}

    return View(without_hidden(schemas.schema_of(kind), paths), see)


@dataclass(frozen=True)
class Selection:
    """`select=`: what of a record is wanted, over what comes by default."""

    schema: Schema
    omitted: tuple[str, ...]
    wanted: tuple[str, ...] = ()

    @classmethod
    def read(cls, schema: Schema, omitted: tuple[str, ...], text: str | None) -> "Selection":
        """Read `+a,-b,c.d`; names that are not known are ignored."""
        wanted = []
        for part in (text or "").split(","):
            name = part.strip().lstrip("+")
            if name == "-*":
                wanted.append(name)
                continue
            sign = "-" if name.startswith("-") else ""
            try:
                names, _ = located(schema, name.removeprefix("-"))
            except Problem:
                continue
            wanted.append(sign + ".".join(names))
        return cls(schema, omitted, tuple(wanted))

    def names(self, member: str) -> bool:
        """Whether a member, or a part of it, is selected."""
        return any(one == member or one.startswith(f"{member}.") for one in self.wanted)

    def left_out(self) -> list[str]:
        """What `$meta.omitted` says."""
        out = [] if "-*" not in self.wanted else list(self.schema)
        out += [one for one in self.omitted if one not in out]
        out += [one[1:] for one in self.wanted if one.startswith("-") and "." not in one]
        return [one for one in dict.fromkeys(out) if one != "*" and not self.names(one)]

    def of(self, row: Json) -> Json:
        """The selected members of a row."""
        if not self.wanted and not self.omitted:
            return row
        kept = {name: value for name, value in row.items() if name not in self.omitted}
        for one in self.wanted:
            if one == "-*":
                kept = {}
            elif one.startswith("-"):
                _drop(kept, one[1:].split("."))
            else:
                _add(kept, row, one.split("."))
        return kept


def _drop(row: Json, names: list[str]) -> None:
    here = row
    for place, name in enumerate(names[:-1]):
        inner = here.get(name)
        if not isinstance(inner, dict):
            return
        here[name] = dict(inner)
        here = here[name]
        del place
    here.pop(names[-1], None)


def _add(kept: Json, row: Json, names: list[str]) -> None:
    value = at(row, tuple(names))
    if value is None:
        return
    here = kept
    for name in names[:-1]:
        here[name] = dict(here.get(name) or {})
        here = here[name]
    here[names[-1]] = value
