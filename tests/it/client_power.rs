//! Power, seen through to its end, on a real Ironic.

#![cfg(test)]

use std::time::Duration;

use ironwright::ironic::client::Error;
use ironwright::ironic::model::{NodeUpdate, PowerState, PowerTarget, Verb};
use serde_json::json;

use crate::client_lab::{LONG, Lab};
use crate::client_states::script;

#[tokio::test]
async fn the_power_is_seen_through() {
    let lab = Lab::new("cs-power").await;
    let node = lab.node("a", json!({"power_delay": 1.5})).await;
    let client = lab.client.retry_on_conflict(LONG);
    lab.walk(&node.uuid, &[Verb::Manage]).await;
    for (target, expected) in [
        (PowerTarget::On, PowerState::On),
        (PowerTarget::Reboot, PowerState::On),
        (PowerTarget::Off, PowerState::Off),
    ] {
        let done = client
            .set_node_power_state_and_wait(&node.uuid, target, None, LONG)
            .await;
        let done = done.unwrap().value;
        assert_eq!(
            (done.power_state, done.target_power_state),
            (Some(expected), None),
            "{target:?}"
        );
    }
    // A reboot ends where it begins: only its end is the end.
    client
        .set_node_power_state_and_wait(&node.uuid, PowerTarget::On, None, LONG)
        .await
        .unwrap();
    client
        .set_node_power_state(&node.uuid, PowerTarget::Reboot, None)
        .await
        .unwrap();
    let begun = client.get_node(&node.uuid).await.unwrap().value;
    assert_eq!(begun.power_state, Some(PowerState::On));
    let early = client
        .wait_for_node_power_state(&node.uuid, PowerTarget::Reboot, Duration::ZERO)
        .await;
    assert!(matches!(early, Err(Error::StillWaiting { .. })), "{early:?}");
    client
        .wait_for_node_power_state(&node.uuid, PowerTarget::Reboot, LONG)
        .await
        .unwrap();
    client
        .update_node(&node.uuid, &script(json!({"power_fail": "no current"})))
        .await
        .unwrap();
    let failed = client
        .set_node_power_state_and_wait(&node.uuid, PowerTarget::Off, None, LONG)
        .await;
    let failed = failed.unwrap_err();
    assert!(
        matches!(failed, Error::PowerUnreached { .. }) && failed.words().contains("no current"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn soft_power_has_a_time_limit() {
    let lab = Lab::new("cs-soft").await;
    let node = lab.node("a", json!({})).await;
    let client = lab.client.retry_on_conflict(LONG);
    let minute = Some(Duration::from_mins(1));
    for (target, expected) in [
        (PowerTarget::On, PowerState::On),
        (PowerTarget::SoftReboot, PowerState::On),
        (PowerTarget::SoftOff, PowerState::Off),
    ] {
        let done = client
            .set_node_power_state_and_wait(&node.uuid, target, minute, LONG)
            .await;
        let done = done.unwrap().value;
        assert_eq!(done.power_state, Some(expected), "{target:?}");
    }
    let pinned = NodeUpdate {
        disable_power_off: Some(true),
        ..NodeUpdate::default()
    };
    client.update_node(&node.uuid, &pinned).await.unwrap();
    let error = client
        .set_node_power_state(&node.uuid, PowerTarget::Off, None)
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(409), "{error}");
}
