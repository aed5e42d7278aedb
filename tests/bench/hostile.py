"""What a member that floods costs the others: the 99th percentile of one that asks in moderation, alone and
beside a flood at full speed, in turn."""

import json
import statistics
import subprocess
import time

import messages as m

HOSTILE, ADDRESS, CONNECTIONS, HANDSHAKERS = "hostile", "127.0.0.2", 64, 4
PACE = 100  # requests a second of the other member
# As an operator would have it; the figures of one member alone have no such limits (stack.py).
SETTINGS = {"member_running": 75, "member_rate": 1000, "max_connections_per_member": 3000,
            "address_handshakes": 256, "address_handshake_rate": 20}
RATE = 50  # requests a second that the hostile member is entitled to


class Flood:
    """Requests on many connections as fast as they are answered, and handshakes as fast as they are taken."""

    def __init__(self, stack, requests):
        self.processes = [self.begin(stack, requests, "--connections", CONNECTIONS),
                          self.begin(stack, requests[:1], "--connections", HANDSHAKERS, "--handshakes")]

    @staticmethod
    def begin(stack, requests, *options):
        command = stack.load_command(stack.listen, requests, "--flood", "--from", ADDRESS, "--seconds", "3600", *map(str, options),
                                     member=HOSTILE)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def end(self):
        for process in self.processes:
            process.terminate()
            process.wait()


def enrol(stack):
    stack.member(HOSTILE, m.HUB + ".5", m.HUB + ".22")
    stack.cli("member", "share", HOSTILE, "--rate", str(RATE))
    time.sleep(1)


def served(stack):
    return {k.split('reason="')[-1].rstrip('"}') if "reason" in k else "worker_seconds": v
            for k, v in stack.metrics().items()
            if f'member="{HOSTILE}"' in k and ("refused" in k or "seconds" in k)}


def hostile(bench, log):
    bench.populate()
    stack = bench.stack
    stack.configure(**SETTINGS)
    enrol(stack)
    requests = [m.iti18(p) for p in bench.patients]
    moderate = ["--connections", "4", "--pace", str(PACE)]
    bench.load(requests, *moderate)
    alone, beside = [], []
    for i in range(bench.runs):
        alone.append(bench.load(requests, *moderate))
        flood = Flood(stack, requests)
        time.sleep(2)  # its burst is over
        beside.append(bench.load(requests, *moderate))
        flood.end()
        time.sleep(1)
        log(f"hostile {i + 1}/{bench.runs}: p99 {beside[-1]['p99_ms']} ms beside the flood, alone {alone[-1]['p99_ms']}")
    told = served(stack)
    log(f"the hostile member: {json.dumps(told)}")
    value, limit = (statistics.median(r["p99_ms"] for r in runs) for runs in (beside, alone))
    return {"name": "hostile", "value": value, "unit": "ms p99", "limit": limit, "ratio": round(value / limit, 3),
            "p50_ms": statistics.median(r["p50_ms"] for r in beside),
            "alone_p50_ms": statistics.median(r["p50_ms"] for r in alone), "p99_ms": value, "refused": told.get("rate"),
            "limit_is": f"the same {PACE} ITI-18 a second of one member without a flood of {CONNECTIONS} connections "
                        f"and {HANDSHAKERS} of endless handshakes by another, whose rate is {RATE} a second"}
