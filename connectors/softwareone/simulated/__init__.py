"""The inside of the simulated Marketplace; `connectors.softwareone.simulator` is its face.

Requests come in through `reception` (whose token is it, may its role do that: `rights`) to the
routes in `service` and `making`. Lists are read by `query` (with `rql`, `filtering`, `shapes`,
`schemas`), files by `files`, `entries` and `workbook`. What may become of a record is in
`platform` over `ledgers`, `statements` and `steps`; the documents of the ERP are made in `erp`.
People change the same `store` through `mirror` and `people`; `traits` is what may be changed.
"""
