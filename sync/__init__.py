"""The use cases: plain functions over transactions and connectors.

Knows neither Celery nor a web framework nor any provider by name; begin with `sync.push` and
`sync.pull`.
"""
