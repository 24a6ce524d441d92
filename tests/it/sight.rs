//! More to see of a [`World`]: clouds, request bodies, kubectl.

#![cfg(test)]

use ironwright::api::BareMetalCloud;
use ironwright_stack::wait;
use serde_json::Value;

use crate::harness::{LIMIT, World};

impl World {
    /// Waits until a condition of a cloud is so, at its current generation.
    pub async fn cloud_condition(
        &self,
        name: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> BareMetalCloud {
        let what = format!("{kind}={status} {reason} of cloud {name}");
        let found = wait::until(&what, LIMIT, async || {
            let cloud = self.clouds.get(name).await?;
            let now = cloud.status.as_ref();
            let current = now.and_then(|now| now.observed_generation) == cloud.metadata.generation;
            let conditions = now.map(|now| now.conditions.as_slice()).unwrap_or_default();
            let so = conditions.iter().any(|condition| {
                (
                    condition.type_.as_str(),
                    condition.status.as_str(),
                    condition.reason.as_str(),
                ) == (kind, status, reason)
            });
            Ok((current && so).then_some(cloud))
        });
        match found.await {
            Ok(cloud) => cloud,
            Err(error) => {
                let now = self.clouds.get(name).await.map(|cloud| cloud.status);
                panic!("{error:#}; its status is {now:#?}")
            }
        }
    }

    /// The JSON bodies of the requests with this method to paths that end so.
    pub fn bodies(&self, method: &str, path: &str) -> Vec<Value> {
        let log = self.proxy.log();
        let wanted = log
            .iter()
            .filter(|entry| entry.seen.method == method && entry.seen.path.ends_with(path));
        wanted
            .map(|entry| serde_json::from_slice(&entry.seen.body).unwrap_or_default())
            .collect()
    }

    /// How often this verb was sent, whatever became of it.
    pub fn count_verb(&self, verb: &str) -> usize {
        let bodies = self.bodies("PUT", "/states/provision");
        bodies.iter().filter(|body| body["target"] == verb).count()
    }
}

/// What kubectl prints about the world's namespace.
pub async fn kubectl(world: &World, arguments: &[&str]) -> String {
    let scope = ["--namespace", &world.namespace];
    let output = world
        .stack
        .control_plane
        .kubectl(&[&scope, arguments].concat())
        .await;
    let output = output.expect("kubectl runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// The message of a condition of a cloud.
pub fn cloud_message(cloud: &BareMetalCloud, kind: &str) -> String {
    let conditions = cloud.status.as_ref().map(|status| status.conditions.as_slice());
    let found = conditions
        .unwrap_or_default()
        .iter()
        .find(|condition| condition.type_ == kind);
    found
        .map(|condition| condition.message.clone())
        .unwrap_or_default()
}
