"""openstacksdk at work, for a comparison with `examples/client_bench.rs`: with its defaults, and 8 threads where it creates.

    bench_client.py list ENDPOINT           every node in full
    bench_client.py create ENDPOINT COUNT   so many nodes
    bench_client.py remove ENDPOINT         removes every node there is

Prints {"rows", "seconds", "cpu_seconds", "rss_mib"}. Connecting and finding out the API version is not part of the times.
"""

import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import openstack

THREADS = 8


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_mib():
    """Not getrusage's: that begins with what the program that started this one had."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def in_threads(work, items):
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(1 for _ in pool.map(work, items))


def create(number):
    return ironic.create_node(name=f"client-{number:04}", driver="fake-hardware")


ironic = openstack.connect(baremetal_endpoint_override=sys.argv[2]).baremetal
ironic.get_endpoint_data()
cpu, started = cpu_seconds(), time.monotonic()
if sys.argv[1] == "list":
    rows = sum(1 for _ in ironic.nodes(details=True))
elif sys.argv[1] == "create":
    rows = in_threads(create, range(int(sys.argv[3])))
else:
    rows = in_threads(ironic.delete_node, list(ironic.nodes()))
print(
    json.dumps(
        {
            "rows": rows,
            "seconds": time.monotonic() - started,
            "cpu_seconds": cpu_seconds() - cpu,
            "rss_mib": rss_mib(),
        }
    )
)
