"""Measurements that `make bench` runs; each is a program of its own."""
