"""An ML2 mechanism driver without agents: binds every port to its first flat or VLAN segment and makes it ACTIVE.

A port whose name or binding profile holds `bind-fail` is left unbound; ML2 then says `binding_failed`.
"""
from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class TestkitMechanismDriver(api.MechanismDriver):

    def initialize(self):
        pass

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        port = context.current
        if 'bind-fail' in (port.get('name') or '') + str(port.get(portbindings.PROFILE) or ''):
            return
        for segment in context.segments_to_bind:
            if segment[api.NETWORK_TYPE] in ('flat', 'vlan'):
                context.set_binding(
                    segment[api.ID], portbindings.VIF_TYPE_OTHER, {},
                    status=constants.PORT_STATUS_ACTIVE)
                return
