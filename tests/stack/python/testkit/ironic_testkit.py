"""Ironic interfaces named ``testkit`` whose behaviour is scripted per node, through the ordinary API.

They are for the driver ``fake-hardware``, which accepts any interface. Stock fake interfaces never fail, never
wait and never touch power or network; these do, in the order of a real deployment. A node's script is its
``extra.testkit``, an object that may be changed at any time, also while the node waits.

For every operation OP below:

``OP_delay``
    Seconds the operation takes before it succeeds or fails. The node is locked meanwhile.
``OP_gate``
    The path of a file: the operation goes on when it is there, however slow the machine is. The node is locked meanwhile.
``OP_fail``
    The text it fails with; or ``{"message": TEXT, "times": N}`` to fail N times and work from then on (counted
    per operation in ``driver_internal_info.testkit_failures``; a different text starts a new count).

===================  =================================================================================
operation            where
===================  =================================================================================
``verify``           power: ``manage`` (enroll -> verifying); the node falls back to ``enroll``
``power_sync``       power: reading the power state outside ``manage`` (the periodic sync, before a change)
``power``            power: on, off and reboot
``management``       management: reading the boot device
``inspect``          inspect: ``inspect``
``abort``            inspect: ``abort`` of an inspection that waits
``clean_prepare``    deploy: before the first clean step
``clean``            deploy: the clean step ``testkit_clean`` (automated cleaning runs it)
``deploy_prepare``   deploy: before the first deploy step
``deploy``           deploy: the deploy step ``deploy`` (deploy and rebuild)
``teardown``         deploy: undeploy, before the node is powered off; the node ends in ``error``
``adopt``            deploy: ``adopt``, and every take-over of a node
``rescue``           rescue: ``rescue``
``unrescue``         rescue: ``unrescue``
===================  =================================================================================

Further keys:

``deploy_wait``, ``clean_wait``, ``inspect_wait``, ``rescue_wait``
    True: stop in ``wait call-back``, ``clean wait``, ``inspect wait`` or ``rescue wait`` as if an agent were to answer. It never
    does: the way on is ``abort``, ``deleted`` or Ironic's own time limit.
``actual_power``
    ``power on`` or ``power off``: what the BMC reports, whatever Ironic has set (somebody pressed the button).
    A power change that Ironic makes afterwards is reported again.
``bmc_password``
    The BMC lets in only who has this in ``driver_info.redfish_password``: for reading the power state in ``manage``
    and for reading the boot device. Like a careless BMC it repeats what it refuses.
``configdrive``
    True: the deploy step ``deploy`` reads the config drive as an agent would; its files (path -> base64) are in
    ``driver_internal_info.testkit_configdrive`` afterwards.
``inventory``
    Properties that an inspection writes into ``properties``, instead of 8 CPUs, 16 GiB and 100 GB.

The vendor interface has, beside the methods of FakeVendorB, ``echo`` and ``begin``, for nodes and for the driver: they take
any arguments with any HTTP method. ``echo`` answers with what it was given, ``begin`` runs in the background.

There is also a hardware type ``testkit``, which has to be enabled: it is ``fake-hardware`` with that vendor interface.
"""

import base64
import gzip
import io
import os
import time

from oslo_config import cfg
import pycdlib

from ironic.common import exception
from ironic.common import states
from ironic.conductor import configdrive_utils
from ironic.conductor import utils as manager_utils
from ironic.drivers import base
from ironic.drivers import fake_hardware
from ironic.drivers.modules import fake

# Ironic looks up the TLS option of a node's driver in the configuration group named like the driver. There is
# none for fake-hardware, so that fake-hardware with a Redfish interface would fail for want of the group.
cfg.CONF.register_opts([cfg.StrOpt("verify_ca")], group="fake-hardware")

_FAILURES = "testkit_failures"
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_DEFAULT_INVENTORY = {"cpus": 8, "memory_mb": 16384, "local_gb": 100, "cpu_arch": "x86_64"}


def _script(task):
    script = task.node.extra.get("testkit")
    return script if isinstance(script, dict) else {}


def _times_up(task, operation, fault):
    """Counts one more failure of ``operation``; true when it has failed as often as asked."""
    node = task.node
    counts = dict(node.driver_internal_info.get(_FAILURES) or {})
    message = str(fault.get("message"))
    seen = counts.get(operation) or {}
    failed = seen.get("count", 0) if seen.get("message") == message else 0
    if failed >= int(fault.get("times", 1)):
        return True
    counts[operation] = {"message": message, "count": failed + 1}
    node.set_driver_internal_info(_FAILURES, counts)
    node.save()
    return False


def _play(task, operation, error=exception.IronicException):
    """Takes as long as the script says and fails if it says so."""
    script = _script(task)
    gate = script.get(operation + "_gate")
    while gate and not os.path.exists(gate):
        time.sleep(0.05)
    time.sleep(float(script.get(operation + "_delay") or 0))
    fault = script.get(operation + "_fail")
    if not fault:
        return
    if isinstance(fault, dict):
        if _times_up(task, operation, fault):
            return
        fault = fault.get("message")
    raise error(str(fault))


def _log_in(task):
    """Fails if the BMC lets in only who has another password."""
    right, given = _script(task).get("bmc_password"), task.node.driver_info.get("redfish_password")
    if right and given != right:
        raise exception.IronicException("BMC: access denied with password %s" % given)


def _read_drive(node):
    """The files of the node's config drive: path -> base64."""
    packed = configdrive_utils.get_configdrive_image(node)
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(gzip.decompress(base64.b64decode(packed))))
    files = {}
    for folder, _, names in iso.walk(rr_path="/"):
        for path in (folder + "/" + name for name in names):
            content = io.BytesIO()
            iso.get_file_from_iso_fp(content, rr_path=path)
            files[path] = base64.b64encode(content.getvalue()).decode()
    return files


class Deploy(fake.FakeDeploy):
    """FakeDeploy plus what an agent deployment does around the image: power and network calls, in its order."""

    def prepare(self, task):
        if task.node.provision_state == states.DEPLOYING:
            _play(task, "deploy_prepare", exception.InstanceDeployFailure)
            task.driver.network.add_provisioning_network(task)

    @base.deploy_step(priority=100)
    def deploy(self, task):
        _play(task, "deploy", exception.InstanceDeployFailure)
        if _script(task).get("configdrive"):
            task.node.set_driver_internal_info("testkit_configdrive", _read_drive(task.node))
            task.node.save()
        return states.DEPLOYWAIT if _script(task).get("deploy_wait") else None

    @base.deploy_step(priority=30)
    def boot_instance(self, task):
        manager_utils.node_power_action(task, states.POWER_OFF)
        task.driver.network.remove_provisioning_network(task)
        task.driver.network.configure_tenant_networks(task)
        manager_utils.node_power_action(task, states.POWER_ON)

    def tear_down(self, task):
        _play(task, "teardown", exception.InstanceDeployFailure)
        manager_utils.node_power_action(task, states.POWER_OFF)
        task.driver.network.unconfigure_tenant_networks(task)
        return states.DELETED

    def prepare_cleaning(self, task):
        _play(task, "clean_prepare", exception.NodeCleaningFailure)
        task.driver.network.add_cleaning_network(task)
        return states.CLEANWAIT if _script(task).get("clean_wait") else None

    def tear_down_cleaning(self, task):
        task.driver.network.remove_cleaning_network(task)

    @base.clean_step(priority=10, abortable=True)
    def testkit_clean(self, task):
        _play(task, "clean", exception.NodeCleaningFailure)

    def take_over(self, task):
        _play(task, "adopt")


class Power(fake.FakePower):
    """Remembers what was last set; reports ``actual_power`` instead where the script has it."""

    def get_power_state(self, task):
        verifying = task.node.provision_state == states.VERIFYING
        _play(task, "verify" if verifying else "power_sync")
        if verifying:
            _log_in(task)
        return _script(task).get("actual_power") or task.node.power_state or states.POWER_OFF

    def set_power_state(self, task, power_state, timeout=None):
        _play(task, "power")
        off = power_state in (states.POWER_OFF, states.SOFT_POWER_OFF)
        self._report(task, states.POWER_OFF if off else states.POWER_ON)
        super().set_power_state(task, power_state, timeout)

    def reboot(self, task, timeout=None):
        _play(task, "power")
        self._report(task, states.POWER_ON)
        task.node.power_state = states.POWER_ON

    @staticmethod
    def _report(task, power_state):
        """From now on the BMC reports ``power_state``, if the script has it report anything."""
        if "actual_power" in _script(task):
            extra = dict(task.node.extra)
            extra["testkit"] = dict(extra["testkit"], actual_power=power_state)
            task.node.extra = extra
            task.node.save()


class Management(fake.FakeManagement):
    """FakeManagement behind a login."""

    def get_boot_device(self, task):
        _play(task, "management")
        _log_in(task)
        return super().get_boot_device(task)


class Inspect(fake.FakeInspect):
    """Writes an inventory into ``properties``, or waits for an agent that never answers."""

    def inspect_hardware(self, task):
        _play(task, "inspect", exception.HardwareInspectionFailure)
        script = _script(task)
        if script.get("inspect_wait"):
            return states.INSPECTWAIT
        found = script.get("inventory") or _DEFAULT_INVENTORY
        task.node.properties = dict(task.node.properties, **found)
        task.node.save()
        return states.MANAGEABLE

    def abort(self, task):
        _play(task, "abort")


class Rescue(fake.FakeRescue):
    """FakeRescue that can fail and take its time."""

    def rescue(self, task):
        _play(task, "rescue", exception.InstanceRescueFailure)
        return states.RESCUEWAIT if _script(task).get("rescue_wait") else states.RESCUE

    def unrescue(self, task):
        _play(task, "unrescue", exception.InstanceUnrescueFailure)
        return states.ACTIVE


class Vendor(fake.FakeVendorB):
    """Methods that do nothing but answer."""

    def driver_validate(self, method, **kwargs):
        if kwargs.get("refuse"):
            raise exception.InvalidParameterValue(str(kwargs["refuse"]))

    @base.passthru(_VERBS, async_call=False)
    def echo(self, task, http_method, **kwargs):
        return {"verb": http_method, "arguments": kwargs}

    @base.passthru(_VERBS)
    def begin(self, task, http_method, **kwargs):
        pass

    @base.driver_passthru(_VERBS, method="echo", async_call=False)
    def driver_echo(self, context, http_method, **kwargs):
        return {"verb": http_method, "arguments": kwargs}

    @base.driver_passthru(_VERBS, method="begin")
    def driver_begin(self, context, http_method, **kwargs):
        pass


class Hardware(fake_hardware.FakeHardware):
    """Fake hardware whose driver has methods of its own."""

    @property
    def supported_vendor_interfaces(self):
        return [Vendor] + super().supported_vendor_interfaces
