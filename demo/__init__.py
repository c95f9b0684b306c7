"""Ledgerbridge at work with a real accounting server; what it needs is in the `dev` extra."""
