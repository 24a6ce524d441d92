//! Ports, port groups, chassis, drivers, conductors and VIFs on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{
    ChassisQuery, ConductorQuery, Error, PortGroupQuery, PortQuery, SortDirection, VifTarget,
};
use ironwright::ironic::model::{
    Change, ChassisCreate, ChassisUpdate, Edit, InterfaceKind, Node, NodeCreate, PortCreate, PortGroup,
    PortGroupCreate, PortGroupUpdate, PortUpdate, Verb,
};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::json;
use uuid::Uuid;

use crate::client_lab::{Lab, object, patch, rows, with};
use crate::harness;

/// A MAC address of this run's own.
fn mac(test: u8, number: u8) -> String {
    format!("02:1A:{test:02X}:00:00:{number:02X}")
}

#[tokio::test]
async fn a_port_is_created_read_and_deleted() {
    let lab = Lab::new("cp-crud").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let draft = PortCreate {
        name: Some(lab.name("eth0")),
        address: mac(1, 1).replace(':', "-"),
        node_uuid: node.uuid.clone(),
        local_link_connection: object(json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "Eth1"})),
        extra: object(json!({"a": 1})),
        ..PortCreate::default()
    };
    let port = client.create_port(&draft).await.unwrap().value;
    assert_eq!(port.address, mac(1, 1).to_lowercase());
    assert_eq!(
        (port.pxe_enabled, port.node_uuid.as_str()),
        (Some(true), node.uuid.as_str())
    );
    let again = PortCreate {
        name: None,
        ..draft.clone()
    };
    let taken = client.create_port(&again).await.unwrap_err();
    assert!(taken.is_already_exists(), "{taken}");
    let nowhere = PortCreate {
        address: mac(1, 2),
        node_uuid: Uuid::new_v4().to_string(),
        ..PortCreate::default()
    };
    assert_eq!(
        client.create_port(&nowhere).await.unwrap_err().status(),
        Some(400)
    );

    let name = lab.name("eth0");
    assert_eq!(
        client.get_port(&name).await.unwrap().value,
        client.get_port(&port.uuid).await.unwrap().value
    );
    let narrow = client
        .get_port_fields(&port.uuid, &["address"])
        .await
        .unwrap()
        .value;
    assert_eq!(
        (narrow.address, narrow.node_uuid.as_str()),
        (port.address.clone(), "")
    );
    assert!(client.find_port(&lab.name("eth1")).await.unwrap().is_none());
    assert!(client.delete_port(&name).await.unwrap());
    assert!(!client.delete_port(&name).await.unwrap());
    assert!(!client.delete_port(&port.uuid).await.unwrap());
    assert!(client.get_port(&port.uuid).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_port_is_changed() {
    let lab = Lab::new("cp-change").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let draft = PortCreate {
        name: Some(lab.name("eth0")),
        address: mac(6, 1),
        node_uuid: node.uuid.clone(),
        local_link_connection: object(json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "Eth1"})),
        extra: object(json!({"a": 1})),
        ..PortCreate::default()
    };
    client.create_port(&draft).await.unwrap();
    let name = lab.name("eth0");
    let update = PortUpdate {
        address: Some(mac(6, 3)),
        extra: Edit::keys([("a", None), ("b", Some(json!({"c": 2})))]),
        description: "left".into(),
        pxe_enabled: Some(false),
        local_link_connection: Edit::set("switch_info", "s1"),
        ..PortUpdate::default()
    };
    let now = client.update_port(&name, &update).await.unwrap().value;
    assert_eq!(
        (now.address.clone(), now.extra),
        (mac(6, 3).to_lowercase(), object(json!({"b": {"c": 2}})))
    );
    assert_eq!(now.local_link_connection["port_id"], "Eth1");
    lab.proxy.clear_log();
    client.update_port(&name, &update).await.unwrap();
    assert_eq!(lab.writes(), 0);
    let operations = patch(json!([{"op": "remove", "path": "/extra/b"}]));
    assert!(
        client
            .patch_port(&name, &operations)
            .await
            .unwrap()
            .value
            .extra
            .is_empty()
    );
}

#[tokio::test]
async fn connectivity_changes_only_where_ironic_lets_it() {
    let lab = Lab::new("cp-rules").await;
    let node = lab.node("n", json!({})).await;
    let draft = PortCreate {
        address: mac(2, 1),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    let port = lab.client.create_port(&draft).await.unwrap().value;
    lab.walk(&node.uuid, &[Verb::Manage, Verb::Provide]).await;
    lab.proxy.clear_log();
    let boots = PortUpdate {
        pxe_enabled: Some(false),
        ..PortUpdate::default()
    };
    let patient = lab.client.retry_on_conflict(harness::LIMIT);
    let error = patient.update_port(&port.uuid, &boots).await.unwrap_err();
    assert!(error.status() == Some(409) && !error.is_locked(), "{error:?}");
    assert_eq!(lab.writes(), 1, "waiting for a lock would not help");
    let harmless = PortUpdate {
        extra: Edit::set("x", 1),
        ..PortUpdate::default()
    };
    assert_eq!(
        lab.client
            .update_port(&port.uuid, &harmless)
            .await
            .unwrap()
            .value
            .extra["x"],
        1
    );
}

/// Two nodes, `a` with the ports 1 to 3, of which 2 is in a port group, and `b` with 4.
async fn four(lab: &Lab) -> (Node, Node, PortGroup) {
    let (a, b) = (lab.node("a", json!({})).await, lab.node("b", json!({})).await);
    let group = PortGroupCreate {
        node_uuid: a.uuid.clone(),
        ..PortGroupCreate::default()
    };
    let group = lab.client.create_port_group(&group).await.unwrap().value;
    for (number, node) in [(1, &a), (2, &a), (3, &a), (4, &b)] {
        let draft = PortCreate {
            address: mac(3, number),
            node_uuid: node.uuid.clone(),
            portgroup_uuid: (number == 2).then(|| group.uuid.clone()),
            description: (number == 4).then(|| lab.name("needle")),
            ..PortCreate::default()
        };
        lab.client.create_port(&draft).await.unwrap();
    }
    (a, b, group)
}

#[tokio::test]
async fn ports_are_filtered() {
    let lab = Lab::new("cp-list").await;
    let (_, b, group) = four(&lab).await;
    let any = PortQuery::default;
    let of_a = || with(any(), |q| q.node = Some(lab.name("a")));
    let sorted = with(of_a(), |q| q.sort_key = Some("address".into()));
    for (query, expected) in [
        (of_a(), "123"),
        (with(any(), |q| q.node = Some(b.uuid.clone())), "4"),
        (
            with(any(), |q| q.address = Some(mac(3, 3).replace(':', "-"))),
            "3",
        ),
        (with(any(), |q| q.portgroup = Some(group.uuid.clone())), "2"),
        (
            with(any(), |q| q.description_contains = Some(lab.name("needle"))),
            "4",
        ),
        (with(of_a(), |q| q.page_size = Some(1)), "123"),
        (with(of_a(), |q| q.at_most = Some(1)), "1"),
        (
            with(sorted, |q| q.sort_dir = Some(SortDirection::Descending)),
            "321",
        ),
        (with(of_a(), |q| q.fields = vec!["address".into()]), "123"),
    ] {
        let found = rows(lab.client.list_ports(query.clone()))
            .await
            .expect("a listing");
        let numbers: String = found
            .iter()
            .filter_map(|port| port.address.chars().last())
            .collect();
        assert_eq!(numbers, expected, "{query:?}");
        assert!(
            found
                .iter()
                .all(|port| port.created_at.is_some() == query.fields.is_empty())
        );
    }
    let missing = with(any(), |q| q.node = Some(lab.name("nobody")));
    assert!(
        rows(lab.client.list_ports(missing))
            .await
            .unwrap_err()
            .is_not_found()
    );
    let both = with(of_a(), |q| q.address = Some(mac(3, 1)));
    let refused = rows(lab.client.list_ports(both)).await.unwrap_err();
    assert!(
        matches!(refused, Error::Argument { .. }),
        "Ironic would forget one: {refused}"
    );
}

#[tokio::test]
async fn a_port_group_is_created_and_read() {
    let lab = Lab::new("cp-group").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let draft = PortGroupCreate {
        name: Some(lab.name("bond0")),
        address: Some(mac(4, 1)),
        node_uuid: node.uuid.clone(),
        mode: Some("802.3ad".into()),
        properties: object(json!({"miimon": 100})),
        ..PortGroupCreate::default()
    };
    let group = client.create_port_group(&draft).await.unwrap().value;
    assert_eq!(
        (group.address.clone(), group.mode.as_deref()),
        (Some(mac(4, 1).to_lowercase()), Some("802.3ad"))
    );
    assert!(
        client
            .create_port_group(&draft)
            .await
            .unwrap_err()
            .is_already_exists()
    );
    let name = lab.name("bond0");
    let narrow = client
        .get_port_group_fields(&name, &["mode"])
        .await
        .unwrap()
        .value;
    assert_eq!((narrow.mode.as_deref(), narrow.name), (Some("802.3ad"), None));
}

#[tokio::test]
async fn a_port_group_is_changed() {
    let lab = Lab::new("cp-regroup").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let name = lab.name("bond0");
    let draft = PortGroupCreate {
        name: Some(name.clone()),
        node_uuid: node.uuid,
        properties: object(json!({"miimon": 100})),
        ..PortGroupCreate::default()
    };
    client.create_port_group(&draft).await.unwrap();
    let update = PortGroupUpdate {
        address: mac(4, 2).as_str().into(),
        properties: Edit::set("lacp_rate", "fast"),
        standalone_ports_supported: Some(false),
        extra: Edit::set("x", 1),
        ..PortGroupUpdate::default()
    };
    let now = client.update_port_group(&name, &update).await.unwrap().value;
    assert_eq!(
        now.properties,
        object(json!({"miimon": 100, "lacp_rate": "fast"}))
    );
    lab.proxy.clear_log();
    client.update_port_group(&name, &update).await.unwrap();
    assert_eq!(lab.writes(), 0);
    let gone = PortGroupUpdate {
        address: Change::Unset,
        ..PortGroupUpdate::default()
    };
    assert_eq!(
        client
            .update_port_group(&name, &gone)
            .await
            .unwrap()
            .value
            .address,
        None
    );
    let operations = patch(json!([{"op": "replace", "path": "/mode", "value": "active-backup"}]));
    assert_eq!(
        client
            .patch_port_group(&name, &operations)
            .await
            .unwrap()
            .value
            .mode
            .as_deref(),
        Some("active-backup")
    );
}

#[tokio::test]
async fn a_port_group_with_ports_stays() {
    let lab = Lab::new("cp-bond").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let name = lab.name("bond0");
    let draft = PortGroupCreate {
        name: Some(name.clone()),
        node_uuid: node.uuid.clone(),
        standalone_ports_supported: Some(false),
        ..PortGroupCreate::default()
    };
    let group = client.create_port_group(&draft).await.unwrap().value;
    let query = PortGroupQuery {
        node: Some(lab.name("n")),
        ..PortGroupQuery::default()
    };
    assert_eq!(
        rows(client.list_port_groups(query)).await.unwrap()[0].uuid,
        group.uuid
    );
    let port = PortCreate {
        address: mac(4, 3),
        node_uuid: node.uuid.clone(),
        portgroup_uuid: Some(group.uuid.clone()),
        pxe_enabled: Some(false),
        ..PortCreate::default()
    };
    let port = client.create_port(&port).await.unwrap().value;
    assert_eq!(
        client.delete_port_group(&name).await.unwrap_err().status(),
        Some(400),
        "it has a port"
    );
    client.delete_port(&port.uuid).await.unwrap();
    assert!(client.delete_port_group(&name).await.unwrap());
    assert!(!client.delete_port_group(&name).await.unwrap());
    assert!(client.find_port_group(&name).await.unwrap().is_none());
}

#[tokio::test]
async fn a_chassis_is_created_changed_and_deleted() {
    let lab = Lab::new("cp-chassis").await;
    let client = &lab.client;
    let draft = ChassisCreate {
        description: Some("rack".into()),
        ..ChassisCreate::default()
    };
    let chassis = client.create_chassis(&draft).await.unwrap().value;
    let update = ChassisUpdate {
        description: Change::Unset,
        extra: Edit::set("row", 3),
    };
    let now = client.update_chassis(&chassis.uuid, &update).await.unwrap().value;
    assert_eq!((now.description, now.extra), (None, object(json!({"row": 3}))));
    let operations = patch(json!([{"op": "add", "path": "/description", "value": "other"}]));
    client.patch_chassis(&chassis.uuid, &operations).await.unwrap();
    let narrow = client
        .get_chassis_fields(&chassis.uuid, &["description"])
        .await
        .unwrap()
        .value;
    assert_eq!(
        (narrow.description.as_deref(), narrow.created_at),
        (Some("other"), None)
    );
    let query = ChassisQuery {
        page_size: Some(1),
        ..ChassisQuery::default()
    };
    let all = rows(client.list_chassis(query)).await.unwrap();
    assert!(
        all.iter()
            .any(|other| other.uuid == chassis.uuid && other.extra["row"] == 3)
    );
    let inside = NodeCreate {
        chassis_uuid: Some(chassis.uuid.clone()),
        ..lab.draft("n", &json!({}))
    };
    let inside = client.create_node(&inside).await.unwrap().value;
    assert_eq!(
        client.delete_chassis(&chassis.uuid).await.unwrap_err().status(),
        Some(400),
        "it has a node"
    );
    client.delete_node(&inside.uuid).await.unwrap();
    assert!(client.delete_chassis(&chassis.uuid).await.unwrap());
    assert!(!client.delete_chassis(&chassis.uuid).await.unwrap());
    // It has no name, so what is no uuid is none.
    assert!(client.find_chassis("rack").await.unwrap().is_none());
    assert!(!client.delete_chassis("rack").await.unwrap());
    assert_eq!(client.get_chassis("rack").await.unwrap_err().status(), Some(400));
}

#[tokio::test]
async fn drivers_and_conductors_are_read() {
    let lab = Lab::new("cp-drivers").await;
    let client = &lab.client;
    let host = harness::stack().await.ironic.conductor();
    let drivers = client.list_drivers().await.unwrap();
    let fake = drivers
        .iter()
        .find(|driver| driver.name == "fake-hardware")
        .expect("it is offered");
    assert_eq!(fake.hosts, std::slice::from_ref(&host));
    assert!(fake.enabled_interfaces(InterfaceKind::Deploy).contains(&"fake"));
    let names = client.list_driver_names().await.unwrap();
    assert!(
        names.len() == drivers.len()
            && names
                .iter()
                .all(|it| it.default_interface(InterfaceKind::Boot).is_none())
    );
    let one = client.get_driver("fake-hardware").await.unwrap();
    assert_eq!(one.default_interface(InterfaceKind::Network), Some("noop"));
    assert!(client.find_driver("levitation").await.unwrap().is_none());
    assert!(
        client
            .get_driver_properties("redfish")
            .await
            .unwrap()
            .contains_key("redfish_address")
    );
    assert!(
        client
            .get_driver_logical_disk_properties("fake-hardware")
            .await
            .unwrap()
            .contains_key("size_gb")
    );
    let methods = client.list_driver_vendor_methods("fake-hardware").await.unwrap();
    assert!(methods.values().all(|method| !method.http_methods.is_empty()));

    let conductors = rows(client.list_conductors(ConductorQuery::default()))
        .await
        .unwrap();
    let ours = conductors.iter().find(|conductor| conductor.hostname == host);
    let ours = ours.expect("it is listed");
    assert!(ours.alive && ours.drivers.iter().any(|driver| driver == "fake-hardware"));
    assert_eq!(client.get_conductor(&host).await.unwrap().value.hostname, host);
    assert!(client.find_conductor("nowhere").await.unwrap().is_none());
}

#[tokio::test]
async fn vifs_are_attached_and_detached() {
    let lab = Lab::new("cp-vif").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let vif = Uuid::new_v4().to_string();
    client
        .attach_vif_to_node(&node.uuid, &vif, VifTarget::Any)
        .await
        .unwrap();
    let draft = PortCreate {
        address: mac(5, 1),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    let port = client.create_port(&draft).await.unwrap().value;
    client
        .attach_vif_to_node(&node.uuid, &vif, VifTarget::Port(&port.uuid))
        .await
        .unwrap();
    assert_eq!(
        client.list_node_vifs(&node.uuid).await.unwrap(),
        Vec::<String>::new(),
        "noop keeps none"
    );
    assert!(client.detach_vif_from_node(&node.uuid, &vif).await.unwrap());
    assert!(
        client
            .detach_vif_from_node(&lab.name("nobody"), &vif)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn only_a_vif_that_is_not_attached_is_no_error() {
    let lab = Lab::new("cp-no-vif").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let vif = Uuid::new_v4().to_string();
    // Only the network interfaces of Neutron know what is attached; these are their words.
    let words = format!(
        "Unable to detach VIF {vif} from node {} because it is not attached to it.",
        node.uuid
    );
    let route = lab.proxy.when("DELETE", "/v1/nodes/{}/vifs/{}");
    let rule = route.then(Action::Answer(Answer::ironic_error(400, &words)));
    assert!(!client.detach_vif_from_node(&node.uuid, &vif).await.unwrap());
    lab.proxy.remove(rule);
    let odd = Answer::ironic_error(400, "Something else is wrong.");
    lab.proxy
        .when("DELETE", "/v1/nodes/{}/vifs/{}")
        .then(Action::Answer(odd));
    assert_eq!(
        client
            .detach_vif_from_node(&node.uuid, &vif)
            .await
            .unwrap_err()
            .status(),
        Some(400)
    );
    let words = format!(
        "Unable to attach VIF because VIF {vif} is already attached to Ironic Port {}",
        node.uuid
    );
    let taken = Action::Answer(Answer::ironic_error(409, &words));
    lab.proxy.when("POST", "/v1/nodes/{}/vifs").then(taken);
    lab.proxy.clear_log();
    let patient = client.retry_on_conflict(harness::LIMIT);
    let error = patient
        .attach_vif_to_node(&node.uuid, &vif, VifTarget::Any)
        .await
        .unwrap_err();
    assert!(error.status() == Some(409) && !error.is_locked(), "{error:?}");
    assert_eq!(lab.writes(), 1);
}
