"""The inside of the Sage Active simulator: schema, books, rules; `simulator.py` is its face.

Written from what is documented about the API (pages named in the connector's README), not from
the connector: the two meet over HTTP only. What is not documented and had to be decided anyway is
in `rules.py` (behaviour) and in `refusals.py` (names of errors).
"""
