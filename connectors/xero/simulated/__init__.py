"""The inside of the simulated Xero; `connectors.xero.simulator` is its face.

A request comes in through `service` (`identity`: token, tenant, scope; `limits`; `keys` repeats
what was sent before) to `desk`, which reads lists (`listing`, `filters`) and takes batches apart
(`batches`). `documents` with `lines`, `payments`, `settling`, `contacts`, `journals` and
`catalogue` are the rules of the books that `store` keeps; `shapes` says what goes out, `answers`
and `xml` in which words. `organisation` is what people do in the same books, `judging` tells what
is in them, `webhooks` what subscribers are told.
"""
