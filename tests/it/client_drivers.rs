//! Drivers and conductors on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::ConductorQuery;
use ironwright::ironic::model::InterfaceKind;

use crate::client_lab::{Lab, rows};
use crate::harness;

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
