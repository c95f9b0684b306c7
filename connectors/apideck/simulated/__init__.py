"""The inside of the simulated Apideck; `connectors.apideck.simulator` is its face.

A request comes in through `reception` (key, consumer, connection, limits) to `offices` (connections
in the Vault, coverage) or `service` (the accounting routes). `query`, `checks` and `schemas` read
what was sent, `keys` repeats what was sent before, `books` keeps records and lets documents,
payments and entries change each other, `shapes` says what goes out. How a ledger differs from the
others is data: `profiles`. `people` work on the same books, `judging` tells what is in them.
"""
