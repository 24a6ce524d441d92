//! VIFs on a real Neutron: what the client asks of Ironic, what Ironic makes of it, and what Neutron then holds.

#![cfg(test)]

use ironwright::ironic::client::{Class, Client, Error, ProvisionRequest, Rejection, Settings, VifTarget};
use ironwright::ironic::model::{
    ApiVersion, InterfaceKind, Node, NodeCreate, Object, Port, PortCreate, PortGroupCreate, Verb,
};
use ironwright_stack::openstack::Neutron;
use ironwright_stack::proxy::Action;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client_lab::{LONG, Lab, object};
use crate::openstack::{Doors, client};

/// The network interfaces that know of Neutron.
const INTERFACES: [&str; 2] = ["flat", "neutron"];
/// Ironic cleans up among the ports of the network that it cleans machines in, so VIFs are in the other one.
const NETWORK: &str = "vlan";
/// The cable of that network.
const CABLE: &str = "physnet1";

/// One test's own way to Ironic, and everybody's Neutron.
struct Rack {
    doors: Doors,
    client: Client,
    neutron: &'static Neutron,
    /// What names begin with.
    name: &'static str,
    /// The test's part of MAC addresses.
    number: u8,
}

impl Rack {
    async fn new(name: &'static str, number: u8) -> Self {
        let doors = Doors::new(name).await;
        let client = client(&doors.system()).retry_on_conflict(LONG);
        let neutron = doors.openstack.neutron.as_ref().expect("Neutron is there");
        Self {
            doors,
            client,
            neutron,
            name,
            number,
        }
    }

    /// A machine with this network interface, in `enroll`.
    async fn machine(&self, network: &str, name: &str) -> Node {
        let draft = NodeCreate {
            name: Some(format!("{}-{name}", self.name)),
            driver: "fake-hardware".into(),
            interfaces: [(InterfaceKind::Network, network.to_owned())].into(),
            ..NodeCreate::default()
        };
        self.client.create_node(&draft).await.expect("a node").value
    }

    /// The same, active: what is attached is plugged in at once, and taken off when it is detached.
    async fn active(&self, network: &str, name: &str) -> Node {
        let node = self.machine(network, name).await;
        for verb in [Verb::Manage, Verb::Adopt] {
            let request = ProvisionRequest::new(verb);
            let gone = self
                .client
                .set_node_provision_state_and_wait(&node.uuid, &request, LONG);
            gone.await.expect("the verb works");
        }
        node
    }

    fn mac(&self, number: u8) -> String {
        format!("02:1f:{:02x}:00:00:{number:02x}", self.number)
    }

    /// A port with a cable in it.
    async fn port(&self, node: &Node, number: u8, more: impl FnOnce(&mut PortCreate)) -> Port {
        let mut draft = PortCreate {
            address: self.mac(number),
            node_uuid: node.uuid.clone(),
            local_link_connection: switch(number),
            ..PortCreate::default()
        };
        more(&mut draft);
        self.client.create_port(&draft).await.expect("a port").value
    }

    /// A port of Neutron's.
    async fn vif(&self, name: &str) -> String {
        let made = self.neutron.create_port(NETWORK, name).await;
        made.expect("a port of Neutron's")
    }

    /// That port as Neutron has it.
    async fn held(&self, vif: &str) -> Value {
        self.neutron.port(vif).await.expect("Neutron's port")
    }

    async fn attach(&self, node: &Node, vif: &str, target: VifTarget<'_>) -> Result<(), Error> {
        self.client.attach_vif_to_node(&node.uuid, vif, target).await
    }

    /// An attempt that fails: with what status, meaning and words, and with one request.
    async fn refused(&self, node: &Node, vif: &str, target: VifTarget<'_>) -> (u16, Rejection, String) {
        self.doors.ironic.clear_log();
        let error = self.attach(node, vif, target).await;
        let error = error.expect_err("it cannot be attached");
        let route = "/v1/nodes/{}/vifs";
        assert_eq!(self.doors.ironic.count("POST", route), 1, "{error:?}");
        let status = error.status().expect("Ironic said so");
        let rejection = error.rejection().expect("Ironic said so");
        (status, rejection, error.words().into_owned())
    }

    async fn detach(&self, node: &Node, vif: &str) -> bool {
        let detached = self.client.detach_vif_from_node(&node.uuid, vif).await;
        detached.expect("there, or not there")
    }

    /// What is attached, in order.
    async fn listed(&self, node: &Node) -> Vec<String> {
        let mut vifs = self.client.list_node_vifs(&node.uuid).await.expect("a list");
        vifs.sort();
        vifs
    }
}

/// The switch at the other end of a cable.
fn switch(number: u8) -> Object {
    object(json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": format!("Eth{number}")}))
}

/// What a port of Neutron's is bound to, and how: host, kind of network card, outcome, status.
fn binding(held: &Value) -> [&str; 4] {
    [
        "binding:host_id",
        "binding:vnic_type",
        "binding:vif_type",
        "status",
    ]
    .map(|key| held[key].as_str().expect("a text"))
}

#[tokio::test]
async fn a_vif_is_plugged_in_and_out() {
    let rack = Rack::new("vifs-life", 1).await;
    for (number, network) in (1..).zip(INTERFACES) {
        let node = rack.active(network, network).await;
        let port = rack.port(&node, number, |_| ()).await;
        let vif = rack.vif("life").await;
        let before = rack.held(&vif).await;
        assert_eq!(binding(&before), ["", "normal", "unbound", "DOWN"]);
        assert!(!rack.detach(&node, &vif).await, "it was not attached");

        rack.attach(&node, &vif, VifTarget::Any).await.unwrap();
        assert_eq!(rack.listed(&node).await, [vif.as_str()]);
        let held = rack.held(&vif).await;
        assert_eq!(binding(&held), [&node.uuid, "baremetal", "other", "ACTIVE"]);
        assert_eq!(held["mac_address"], port.address);
        assert_eq!(
            held["binding:profile"],
            json!({"local_link_information": [switch(number)]})
        );
        assert_eq!(
            held["device_owner"], "",
            "Ironic leaves it to whoever made the VIF"
        );

        assert!(rack.detach(&node, &vif).await);
        assert!(rack.listed(&node).await.is_empty());
        let after = rack.held(&vif).await;
        assert_eq!(binding(&after), ["", "baremetal", "unbound", "DOWN"]);
        assert_eq!(after["binding:profile"], json!({}));
        assert_ne!(after["mac_address"], port.address, "it has one of its own again");
        assert!(!rack.detach(&node, &vif).await, "it is not attached any more");
    }
}

#[tokio::test]
async fn a_vif_goes_where_it_is_sent() {
    let rack = Rack::new("vifs-target", 2).await;
    let node = rack.active("neutron", "n").await;
    let group = PortGroupCreate {
        address: Some(rack.mac(9)),
        node_uuid: node.uuid.clone(),
        ..PortGroupCreate::default()
    };
    let group = rack.client.create_port_group(&group).await.unwrap().value;
    let member = |port: &mut PortCreate| port.portgroup_uuid = Some(group.uuid.clone());
    rack.port(&node, 3, member).await;
    // Left to itself, Ironic takes the group, and the one on the right cable before the one of which it knows none.
    rack.port(&node, 1, |port| port.physical_network = Some(CABLE.into()))
        .await;
    let named = rack.port(&node, 2, |_| ()).await;
    let [one, two] = [rack.vif("port").await, rack.vif("group").await];
    rack.attach(&node, &one, VifTarget::Port(&named.uuid))
        .await
        .unwrap();
    assert_eq!(rack.held(&one).await["mac_address"], named.address);
    rack.attach(&node, &two, VifTarget::PortGroup(&group.uuid))
        .await
        .unwrap();
    let held = rack.held(&two).await;
    assert_eq!(held["mac_address"], rack.mac(9));
    let profile = &held["binding:profile"];
    assert_eq!(profile["local_group_information"]["id"], group.uuid);
    assert_eq!(profile["local_link_information"], json!([switch(3)]));
    let mut both = [one, two];
    both.sort();
    assert_eq!(rack.listed(&node).await, both);

    let busy = rack.vif("busy").await;
    let full = rack.refused(&node, &busy, VifTarget::Port(&named.uuid)).await;
    assert_eq!((full.0, full.1), (400, Rejection::Invalid));
    assert!(full.2.contains("not enough free physical ports"), "{}", full.2);
}

#[tokio::test]
async fn what_cannot_be_attached_is_told_at_once_in_ironics_words() {
    let rack = Rack::new("vifs-refused", 3).await;
    let node = rack.machine("neutron", "n").await;
    let vif = rack.vif("refused").await;
    // No port at all, none of which Ironic knows the cable, none on the right cable.
    for (port, what) in [
        (None, "without a port"),
        (Some((None, false)), "without a switch"),
        (Some((Some("elsewhere"), true)), "on another cable"),
    ] {
        if let Some((cable, known)) = port {
            rack.port(&node, 1 + u8::from(known), |port| {
                port.physical_network = cable.map(ToOwned::to_owned);
                port.local_link_connection.retain(|_, _| known);
            })
            .await;
        }
        let (status, rejection, words) = rack.refused(&node, &vif, VifTarget::Any).await;
        assert_eq!((status, rejection), (400, Rejection::Invalid), "{what}");
        assert!(
            words.contains(&vif) && words.contains("not enough free"),
            "{what}: {words}"
        );
    }
    let missing = Uuid::new_v4().to_string();
    let (status, _, words) = rack.refused(&node, &missing, VifTarget::Any).await;
    assert_eq!(
        (status, words),
        (400, format!("Neutron port {missing} was not found"))
    );
    assert_eq!(
        binding(&rack.held(&vif).await)[2],
        "unbound",
        "nothing came of it"
    );
    assert!(rack.listed(&node).await.is_empty());
}

#[tokio::test]
async fn a_vif_that_is_attached_already_stays_where_it_is() {
    let rack = Rack::new("vifs-taken", 4).await;
    let (node, other) = (rack.machine("flat", "a").await, rack.machine("flat", "b").await);
    let port = rack.port(&node, 1, |_| ()).await;
    rack.port(&other, 2, |_| ()).await;
    let vif = rack.vif("taken").await;
    rack.attach(&node, &vif, VifTarget::Any).await.unwrap();

    // `refused` counts: it is a conflict that no patience helps with.
    let (status, rejection, words) = rack.refused(&node, &vif, VifTarget::Any).await;
    assert_eq!((status, rejection), (409, Rejection::Conflict));
    let taken = format!(
        "Unable to attach VIF because VIF {vif} is already attached to Ironic Port {}",
        port.uuid
    );
    assert_eq!(words, taken);
    let hasty = rack.client.retry_on_conflict(std::time::Duration::ZERO);
    let error = hasty.attach_vif_to_node(&node.uuid, &vif, VifTarget::Any).await;
    assert_eq!(error.unwrap_err().class(), Class::Blocked);

    // Ironic sees only that Neutron does not let it have the address, and fails.
    let elsewhere = rack.refused(&other, &vif, VifTarget::Any).await;
    assert_eq!((elsewhere.0, elsewhere.1), (500, Rejection::Server));
    let why = format!("can not update Neutron port {vif} MAC address to match");
    assert!(elsewhere.2.contains(&why), "{}", elsewhere.2);
    assert!(!rack.detach(&other, &vif).await);
    assert_eq!(binding(&rack.held(&vif).await)[0], node.uuid);

    // Only of a node that is active, available or being torn down does Ironic tell Neutron: this one stays taken.
    assert!(rack.detach(&node, &vif).await);
    assert!(rack.listed(&node).await.is_empty());
    assert_eq!(binding(&rack.held(&vif).await)[0], node.uuid);
    assert_eq!(rack.refused(&other, &vif, VifTarget::Any).await.0, 500);
}

#[tokio::test]
async fn a_binding_that_fails_leaves_the_vif_attached() {
    let rack = Rack::new("vifs-unbound", 5).await;
    let node = rack.active("neutron", "n").await;
    rack.port(&node, 1, |_| ()).await;
    let vif = rack.vif("bind-fail").await;
    let (status, rejection, words) = rack.refused(&node, &vif, VifTarget::Any).await;
    assert_eq!((status, rejection), (500, Rejection::Server));
    assert_eq!(words, format!("Port {vif} failed to reach status ACTIVE"));
    assert_eq!(binding(&rack.held(&vif).await)[2], "binding_failed");
    assert_eq!(rack.listed(&node).await, [vif.as_str()]);
    assert!(rack.detach(&node, &vif).await);
    assert_eq!(binding(&rack.held(&vif).await)[2], "unbound");
}

#[tokio::test]
async fn a_neutron_that_does_not_answer_is_named() {
    let rack = Rack::new("vifs-down", 6).await;
    let node = rack.active("neutron", "n").await;
    rack.port(&node, 1, |_| ()).await;
    let (vif, door) = (rack.vif("down").await, rack.neutron.door());
    let about_it = format!("/v2.0/ports/{vif}");
    let down = door.when("*", &about_it).then(Action::DropBefore);
    let (status, rejection, words) = rack.refused(&node, &vif, VifTarget::Any).await;
    assert_eq!((status, rejection), (500, Rejection::Server));
    let place = format!("Unable to establish connection to {}{about_it}", door.endpoint());
    assert!(words.contains(&place), "{words}");
    assert!(rack.listed(&node).await.is_empty());
    door.remove(down);
    rack.attach(&node, &vif, VifTarget::Any).await.unwrap();

    // Ironic forgets the VIF before it tells Neutron; what is left there is Neutron's.
    let down = door.when("PUT", &about_it).then(Action::DropBefore);
    let lost = rack.client.detach_vif_from_node(&node.uuid, &vif).await;
    assert_eq!(lost.expect_err("Neutron did not hear").status(), Some(500));
    door.remove(down);
    assert!(rack.listed(&node).await.is_empty());
    assert!(!rack.detach(&node, &vif).await);
    assert_eq!(binding(&rack.held(&vif).await)[0], node.uuid);
}

#[tokio::test]
async fn an_ironic_too_old_for_vifs_is_not_asked() {
    let lab = Lab::new("vifs-old").await;
    let node = lab.node("n", json!({})).await.uuid;
    let speaking = |minor| {
        let settings = Settings {
            api_version: Some(ApiVersion::v1(minor)),
            ..Settings::new(lab.proxy.endpoint())
        };
        Client::new(settings).expect("a client")
    };
    lab.proxy.clear_log();
    let needed = |error: Error| match error {
        Error::NotSupported { needs, .. } => needs,
        other => panic!("{other:?}"),
    };
    let (old, vif) = (speaking(27), "v");
    let attached = old.attach_vif_to_node(&node, vif, VifTarget::Any).await;
    assert_eq!(needed(attached.unwrap_err()), ApiVersion::v1(28));
    let detached = old.detach_vif_from_node(&node, vif).await;
    assert_eq!(needed(detached.unwrap_err()), ApiVersion::v1(28));
    assert_eq!(
        needed(old.list_node_vifs(&node).await.unwrap_err()),
        ApiVersion::v1(28)
    );
    let younger = speaking(66);
    for target in [VifTarget::Port(vif), VifTarget::PortGroup(vif)] {
        let attached = younger.attach_vif_to_node(&node, vif, target).await;
        assert_eq!(needed(attached.unwrap_err()), ApiVersion::v1(67));
    }
    assert_eq!(lab.sent(), Vec::<String>::new());
    speaking(28)
        .list_node_vifs(&node)
        .await
        .expect("old enough to know them");
}
