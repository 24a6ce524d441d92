"""What an administrator writes to bring machines from nothing to `available`: openstacksdk, its defaults, 8 threads.

    bench_script.py enrol COUNT     to `available`; prints {"seconds": …, "requests": …}
    bench_script.py life COUNT      to `active`, and once all are there undeploys and removes them; prints the same
    bench_script.py remove          removes every node there is
"""

import json
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import openstack

THREADS = 8


def enrol(number):
    node = ironic.create_node(
        name=f"script-{number:04}",
        driver="fake-hardware",
        resource_class="baremetal.large",
        properties={"cpu_arch": "x86_64", "memory_mb": 65536},
    )
    ironic.set_node_provision_state(node, "manage", wait=True)
    return ironic.set_node_provision_state(node, "provide", wait=True)


def deploy(number):
    node = ironic.update_node(
        enrol(number),
        instance_id=str(uuid.uuid4()),
        instance_info={"image_source": "http://images.example/debian.qcow2"},
    )
    return ironic.set_node_provision_state(node, "active", wait=True)


def retire(node):
    remove(ironic.set_node_provision_state(node, "deleted", wait=True))


def remove(node):
    ironic.delete_node(node)


def in_threads(work, items):
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


def life(count):
    in_threads(retire, in_threads(deploy, range(count)))


def count(response, *_args, **_kwargs):
    requests.append(response.status_code)


# Connecting and finding out the API version is not part of the time, and not counted.
cloud = openstack.connect()
ironic = cloud.baremetal
list(ironic.nodes(limit=1))
requests = []
cloud.session.session.hooks["response"].append(count)

if sys.argv[1] == "remove":
    in_threads(remove, list(ironic.nodes()))
else:
    started = time.monotonic()
    if sys.argv[1] == "life":
        life(int(sys.argv[2]))
    else:
        in_threads(enrol, range(int(sys.argv[2])))
    print(json.dumps({"seconds": time.monotonic() - started, "requests": len(requests)}))
