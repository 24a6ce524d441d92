//! What others do to the nodes of a chain, and what Ironic was asked to do with them.

#![cfg(test)]

use std::time::Instant;

use ironwright_stack::proxy::Entry;
use serde_json::{Value, json};

use super::generate::Step;
use super::oracle::Request;
use super::run::{Failure, Run};
use crate::harness::{LIMIT, World};
use crate::probe::node_of;

impl Run<'_> {
    /// What somebody else does.
    pub async fn beside(&mut self, step: &Step) {
        match step {
            Step::TheirField(path, value) => {
                let write = json!([{"op": "add", "path": path, "value": value}]);
                if self.meddle("PATCH", "", &write).await.is_some() {
                    self.touched.insert(path);
                }
            }
            Step::TheirMaintenance(on) => self.maintain(*on).await,
            Step::TheirClaim => {
                let claim = uuid::Uuid::new_v4().to_string();
                let claim = json!([{"op": "add", "path": "/instance_uuid", "value": claim}]);
                if self
                    .live()
                    .await
                    .is_some_and(|live| live["instance_uuid"].is_null())
                {
                    let claimed = self.meddle("PATCH", "", &claim).await;
                    self.meddled.extend(claimed);
                }
            }
            Step::TheirUndeploy => {
                if self
                    .live()
                    .await
                    .is_some_and(|live| live["provision_state"] == "active")
                {
                    let undeploy = json!({"target": "deleted"});
                    self.meddle("PUT", "/states/provision", &undeploy).await;
                }
            }
            other => panic!("{other:?} is the user's"),
        }
    }

    /// Somebody else's request about the node; its id, if Ironic took it.
    async fn meddle(&mut self, method: &str, path: &str, body: &Value) -> Option<String> {
        let id = self.live().await?["uuid"].as_str()?.to_owned();
        let path = format!("/v1/nodes/{id}{path}");
        let at = Instant::now();
        let (status, said) = self.lab.world.meddle(method, &path, body).await;
        if !(200..300).contains(&status) {
            self.tell(&format!("  Ironic refuses: {status} {}", said["error_message"]));
            return None;
        }
        if let Some((node, deed)) = Request::deed(method, &path, body) {
            self.theirs.push(Request {
                at,
                node,
                deed,
                ours: false,
            });
        }
        Some(id)
    }

    async fn maintain(&mut self, on: bool) {
        let (method, body) = if on {
            ("PUT", json!({"reason": "somebody looks at it"}))
        } else {
            ("DELETE", Value::Null)
        };
        let id = self.meddle(method, "/maintenance", &body).await;
        self.meddled.extend(id);
    }

    /// Takes back what somebody else has done to the nodes.
    pub async fn lift(&mut self) {
        for id in self.meddled.clone() {
            let world = &self.lab.world;
            let Some(live) = world.live_by_id(&id).await else {
                continue;
            };
            let path = format!("/v1/nodes/{id}");
            let ours = live["maintenance_reason"]
                .as_str()
                .unwrap_or_default()
                .starts_with("ironwright");
            if live["maintenance"] == true && !ours {
                world
                    .meddle("DELETE", &format!("{path}/maintenance"), &Value::Null)
                    .await;
            }
            let mark = live
                .pointer("/extra/ironwright/instance/id")
                .unwrap_or(&Value::Null);
            if !live["instance_uuid"].is_null() && live["instance_uuid"] != *mark {
                let unclaim = json!([{"op": "remove", "path": "/instance_uuid"}]);
                world.meddle("PATCH", &path, &unclaim).await;
            }
        }
    }

    /// The requests about this chain's nodes that change what is on a machine, the operator's and others', in order.
    pub fn requests(&self) -> Vec<Request> {
        let log = self.lab.world.proxy.log();
        let taken = log
            .iter()
            .filter(|entry| entry.answered.is_some_and(|status| (200..300).contains(&status)));
        let ours = taken.filter_map(|entry| {
            let body = serde_json::from_slice(&entry.seen.body).unwrap_or_default();
            let (node, deed) = Request::deed(&entry.seen.method, &entry.seen.path, &body)?;
            Some(Request {
                at: entry.at,
                node,
                deed,
                ours: true,
            })
        });
        let mut all: Vec<_> = ours
            .filter(|request| self.nodes.contains(&request.node))
            .collect();
        all.extend(self.theirs.iter().cloned());
        all.sort_by_key(|request| request.at);
        all
    }

    /// The changes that the operator has asked of this chain's nodes, in order.
    pub fn changes(&self) -> Vec<String> {
        let log = self.lab.world.proxy.log();
        let ours = |entry: &&Entry| node_of(entry).is_some_and(|id| self.nodes.contains(&id));
        let changes = log.iter().filter(|entry| entry.seen.method != "GET").filter(ours);
        let told = changes.map(|entry| {
            let body = String::from_utf8_lossy(&entry.seen.body);
            format!(
                "{} {} {body} -> {:?}",
                entry.seen.method, entry.seen.path, entry.status
            )
        });
        told.collect()
    }

    /// Waits for two more listings: what was to happen has happened by then.
    pub async fn looked_at(&self) -> Result<(), Failure> {
        let proxy = &self.lab.world.proxy;
        let so_far = proxy.count("GET", "/v1/nodes");
        let more = proxy.wait_for("GET", "/v1/nodes", so_far + 2, LIMIT).await;
        more.map_err(|error| format!("{error:#}"))
    }
}

/// What was left on purpose is in nobody's way.
pub async fn clear_away(world: &World, id: &str) {
    let path = format!("/v1/nodes/{id}");
    world
        .meddle(
            "PUT",
            &format!("{path}/maintenance"),
            &json!({"reason": "to be removed"}),
        )
        .await;
    let unclaim = json!([{"op": "remove", "path": "/instance_uuid"}, {"op": "replace", "path": "/protected", "value": false}]);
    world.meddle("PATCH", &path, &unclaim).await;
    world.meddle("DELETE", &path, &Value::Null).await;
}
