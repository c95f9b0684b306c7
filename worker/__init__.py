"""Celery's entry point, and what every process of ours is built from (`worker.runtime`)."""
