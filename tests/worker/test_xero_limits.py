"""Two processes on one Xero organisation, counted by Xero itself; a minute lasts two seconds."""

import json
import subprocess
import sys
import time

from connectors.xero.simulator import Xero, XeroRules

SCALE = 30
MINUTE = 60 // SCALE
SECONDS = 3 * MINUTE

CALLER = """
import json, sys, threading, time
import httpx
from connectors.base import CallScope, Limits, Window
from connectors.errors import RateLimited
from connectors.xero import SPEC
from connectors.http import Http
from worker.allowances import SharedAllowances
redis_url, whose, address, headers, minute, seconds = sys.argv[1:]
stated = SPEC.limits
window = Window(int(minute), stated.per_minute, stated.per_minute, stated.minute_left_header)
limits = Limits(in_flight=stated.in_flight, more=(window,))
allowance = SharedAllowances(lambda: redis_url).of(limits, whose)
client = httpx.Client()

def work():
    http = Http(client, address, CallScope("test", allowance=allowance, for_pushes=True))
    while time.monotonic() < end:
        try:
            http.read("GET", "/api.xro/2.0/Organisation", headers=json.loads(headers))
        except RateLimited as error:
            print("refused" if error.http_status else "parked", flush=True)

print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(seconds)
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_two_processes_never_exceed_what_xero_allows_and_hardly_waste_it(redis_url: str) -> None:
    xero = Xero(XeroRules(time_scale=SCALE, answer_takes=0.01))
    with xero.running() as address:
        arguments = (redis_url, f"test|{time.time()}", address, json.dumps(xero.headers(xero.uk)))
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", CALLER, *arguments, str(MINUTE), str(SECONDS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0] for process in processes]

    assert xero.limit_breaches.total() == 0
    assert max(xero.peak_in_flight.values()) <= 5
    assert said == ["", ""]
    # Whole minutes are compared: sixty calls go out at once, then the next sixty.
    whole = SECONDS // MINUTE * xero.rules.minute_limit
    assert xero.calls["GET Organisation"] >= 0.9 * whole
