"""One module per resource; each has a `router`, and `AT_THE_ROOT` where it is not under `/v1`."""
