"""The parts of the simulated QuickBooks Online; `connectors.quickbooks.simulator` is its face.

`service` answers requests, `writing` and its neighbours are the rules of the books, `company` is
what people do in them. Written from Intuit's public reference and what integrators have reported;
what is not modelled is refused.
"""
