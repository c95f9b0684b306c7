"""The inside of the simulated Qargo; `connectors.qargo.simulator` is its face.

Requests come in through `reception` (who is it, may it call now) to `service` (the routes), which
asks `access` (may it do that), reads `bodies`, changes `store` and answers in `shapes`. People
change the same store through `office` and the face.
"""
