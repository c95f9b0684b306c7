"""The conformance suite: tells the author of a connector when it is right.

Subclass it once per connector and way of use, in a test module of your own::

    from connectors.conformance import Ability, Bench, ConnectorConformance

    class MyBench(Bench): ...          # a ledger with faults in front of it: see `Bench`

    class TestConformance(ConnectorConformance):
        spec = SPEC
        abilities = frozenset({Ability.DUPLICATE})  # what MyBench can do beyond the minimum

        @pytest.fixture
        def bench(self) -> Iterator[Bench]:
            with MyBench() as bench:   # new, or shared by all tests: samples are unique
                yield bench

Every test is about one behaviour, for each type of object that claims it. What a connector does
not claim, and what its bench cannot do, has no test: nothing is skipped. A subclass may
override a test to say why it differs.

The ledger is a simulator (its `faults`), or a real server behind a `FaultProxy`. The suite
needs pytest; nothing else in `connectors` does.
"""

import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

_PARTS = ("kit", "reads", "writes", "faults", "sources")
# Asserts explain themselves once pytest has rewritten them, which is done on import.
pytest.register_assert_rewrite(
    *(
        name
        for name in (f"connectors.conformance_{part}" for part in _PARTS)
        if name not in sys.modules
    )
)

from connectors.base import ConnectorSpec  # noqa: E402  # the suite's asserts are rewritten first
from connectors.conformance_faults import AboutErrors, AboutLostAnswers  # noqa: E402
from connectors.conformance_kit import (  # noqa: E402
    RETRY_AFTER_SECONDS,
    Ability,
    Bench,
    Trial,
    Wants,
)
from connectors.conformance_reads import AboutReading, AboutTheSpec  # noqa: E402
from connectors.conformance_sources import (  # noqa: E402
    AboutSources,
    Distortion,
    SourceBench,
    SourceTrial,
)
from connectors.conformance_writes import AboutWriting  # noqa: E402

__all__ = [
    "RETRY_AFTER_SECONDS",
    "Ability",
    "Bench",
    "ConnectorConformance",
    "Distortion",
    "SourceBench",
    "SourceConformance",
    "SourceTrial",
    "Trial",
]


class _Fitting:
    """Keeps the tests that apply to a spec, each for the types that it applies to."""

    spec: ClassVar[ConnectorSpec]
    """What the connector claims."""
    abilities: ClassVar[frozenset[Ability]] = frozenset()
    """What its bench can do beyond what every bench must."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the tests that apply to the spec, each for the types that it applies to."""
        super().__init_subclass__(**kwargs)
        if isinstance(getattr(cls, "spec", None), ConnectorSpec):
            for name, test in _conditional_tests(cls).items():
                setattr(cls, name, _fitted(test, cls.spec, cls.abilities))


class SourceConformance(_Fitting, AboutSources):
    """What every source must do: where documents come from, and reports go to.

    Subclass it like `ConnectorConformance`, with a `SourceBench`; `spec` is that of a connection
    with settings of one role, where roles differ (`SPEC.of(settings)`).
    """

    @pytest.fixture
    def bench(self) -> SourceBench:
        """A billing platform to try the source on: every subclass gives its own."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `bench`")

    @pytest.fixture
    def source(self, bench: SourceBench) -> Iterator[SourceTrial]:
        """One test's dealings with the source; no fault outlives it."""
        yield SourceTrial(self.spec, bench)
        bench.faults.clear()
        bench.faults.settle()


class ConnectorConformance(
    _Fitting, AboutTheSpec, AboutReading, AboutWriting, AboutLostAnswers, AboutErrors
):
    """What every connector must do; see the module for how to use it."""

    @pytest.fixture
    def bench(self) -> Bench:
        """A ledger to try the connector on: every subclass gives its own."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `bench`")

    @pytest.fixture
    def trial(self, bench: Bench) -> Iterator[Trial]:
        """One test's dealings with the connector; no fault outlives it."""
        yield Trial(self.spec, bench)
        bench.faults.clear()
        bench.faults.settle()


def _conditional_tests(cls: type) -> dict[str, types.FunctionType]:
    """The suite's own tests that want something, except those that a subclass overrides."""
    tests: dict[str, types.FunctionType] = {}
    overridden: set[str] = set()
    for base in cls.__mro__:
        for name, member in vars(base).items():
            if name in tests or name in overridden or member is None:
                continue
            original = getattr(member, "original", member)
            if isinstance(getattr(original, "wants", None), Wants):
                tests[name] = original
            else:
                overridden.add(name)
    return tests


def _fitted(
    test: types.FunctionType, spec: ConnectorSpec, abilities: frozenset[Ability]
) -> types.FunctionType | None:
    """The test as a spec needs it; None, which pytest does not collect, where it does not."""
    wanted: Wants = test.wants  # type: ignore[attr-defined]  # set by `wants`
    if wanted.when is not None and not wanted.when(spec):
        return None
    if wanted.ability is not None and wanted.ability not in abilities:
        return None
    fitted = types.FunctionType(
        test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__
    )
    fitted.__dict__.update(test.__dict__, original=test)
    fitted.__qualname__, fitted.__doc__ = test.__qualname__, test.__doc__
    fitted.__annotations__ = test.__annotations__
    if wanted.kinds is None:
        return fitted
    kinds = list(wanted.kinds(spec))
    if not kinds:
        return None
    fitted.pytestmark = [*getattr(test, "pytestmark", [])]  # type: ignore[attr-defined]  # pytest's
    return pytest.mark.parametrize("kind", kinds, ids=[kind.value for kind in kinds])(fitted)
