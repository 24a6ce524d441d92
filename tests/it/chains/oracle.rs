//! What may be sent for a history of specs, told without a line of the operator's: a step that destroys needs a spec that
//! asks for it, in force when it was sent or a moment before, and is not sent twice.

#![cfg(test)]

use std::time::{Duration, Instant};

use serde_json::Value;

/// How long after a spec was replaced a step that it asked for may still be sent: two seconds, and what a busy machine adds
/// until the proxy has the request.
const LATE: Duration = Duration::from_secs(5);

/// A spec, and how long it was in force.
#[derive(Clone, Debug)]
pub struct Version {
    /// When it was sent to the apiserver.
    pub from: Instant,
    /// When the apiserver said that it is replaced.
    pub until: Option<Instant>,
    /// The object: created anew, it is another.
    pub uid: String,
    /// The spec.
    pub spec: Value,
    /// Whether the object is being deleted.
    pub deleting: bool,
}

/// A request that destroys something, or changes what is destroyed next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// The disks are written.
    Deploy,
    /// The instance is torn down.
    Undeploy,
    /// The disks are cleaned.
    Provide,
    /// Off the offer again.
    Manage,
    /// The node is removed from Ironic.
    Remove,
    /// The machine is switched off.
    PowerOff,
    /// The machine is switched on.
    PowerOn,
    /// The machine is booted to be inspected.
    Inspect,
    /// The machine is booted into the rescue ramdisk.
    Rescue,
    /// The machine is booted back.
    Unrescue,
}

impl Deed {
    /// Whether it costs data, or a machine.
    pub fn is_destructive(self) -> bool {
        !matches!(self, Deed::Manage | Deed::PowerOn)
    }
}

/// A request that Ironic took, by the operator or by somebody else.
#[derive(Clone, Debug)]
pub struct Request {
    /// When it came.
    pub at: Instant,
    /// The node's uuid.
    pub node: String,
    /// What it does.
    pub deed: Deed,
    /// The operator sent it.
    pub ours: bool,
}

impl Request {
    /// What a request to Ironic does, if it is of that kind.
    pub fn deed(method: &str, path: &str, body: &Value) -> Option<(String, Deed)> {
        let mut segments = path.trim_start_matches("/v1/nodes/").split('/');
        let node = segments.next()?.to_owned();
        let rest: Vec<_> = segments.collect();
        let deed = match (method, rest.as_slice(), body["target"].as_str()) {
            ("DELETE", [], _) => Deed::Remove,
            ("PUT", ["states", "provision"], Some("active" | "rebuild" | "deploy")) => Deed::Deploy,
            ("PUT", ["states", "provision"], Some("deleted" | "undeploy")) => Deed::Undeploy,
            ("PUT", ["states", "provision"], Some("provide" | "clean")) => Deed::Provide,
            ("PUT", ["states", "provision"], Some("manage")) => Deed::Manage,
            ("PUT", ["states", "provision"], Some("inspect")) => Deed::Inspect,
            ("PUT", ["states", "provision"], Some("rescue")) => Deed::Rescue,
            ("PUT", ["states", "provision"], Some("unrescue")) => Deed::Unrescue,
            ("PUT", ["states", "power"], Some("power on")) => Deed::PowerOn,
            ("PUT", ["states", "power"], Some(_)) => Deed::PowerOff,
            _ => return None,
        };
        Some((node, deed))
    }
}

/// What was sent and should not have been, in words.
pub fn judge(history: &[Version], requests: &[Request]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, request) in requests.iter().enumerate().filter(|(_, request)| request.ours) {
        let earlier: Vec<_> = requests[..index]
            .iter()
            .filter(|other| other.node == request.node)
            .collect();
        if !history.iter().any(|version| asks(history, version, request)) {
            wrong.push(format!(
                "{:?} of {}: no spec asked for it",
                request.deed, request.node
            ));
        }
        if repeated(history, &earlier, request) {
            wrong.push(format!(
                "{:?} of {}: it was done before",
                request.deed, request.node
            ));
        }
    }
    wrong
}

/// Whether this version was in force when the request was sent, and asks for what it does.
fn asks(history: &[Version], version: &Version, request: &Request) -> bool {
    let (spec, at) = (&version.spec, request.at);
    let in_force = version.from <= at && version.until.is_none_or(|until| at <= until + LATE);
    let writes = spec["paused"] != true && spec["managementPolicy"] != "Observe";
    let state = spec["provision"]["state"].as_str().filter(|_| !version.deleting);
    let deletes = |policy: &str| version.deleting && deletion_policy(spec) == policy;
    let deploys = matches!(state, Some("active" | "rescue"));
    let asked = match request.deed {
        Deed::Deploy => deploys,
        // What this very object never wanted there is not its own to destroy.
        Deed::Undeploy => {
            let leaves = matches!(state, Some("available" | "manageable")) || deletes("Undeploy");
            leaves && had_wanted(history, version, at)
        }
        Deed::Provide => deploys || state == Some("available"),
        Deed::Remove => deletes("Delete") || deletes("Undeploy"),
        Deed::PowerOff => spec["power"]["state"] == "PoweredOff" && !version.deleting,
        Deed::Inspect => spec["onEnroll"]["inspect"] == true && !version.deleting,
        Deed::Rescue => state == Some("rescue"),
        Deed::Unrescue => state == Some("active"),
        Deed::Manage | Deed::PowerOn => true,
    };
    in_force && writes && asked
}

/// The policy that counts: an import is left as it was found.
fn deletion_policy(spec: &Value) -> &str {
    let default = if spec["import"].is_object() {
        "Detach"
    } else {
        "Delete"
    };
    spec["deletionPolicy"].as_str().unwrap_or(default)
}

/// Whether the same object wanted an instance at some time before.
fn had_wanted(history: &[Version], version: &Version, at: Instant) -> bool {
    let same = history
        .iter()
        .filter(|other| other.uid == version.uid && other.from <= at);
    same.into_iter().any(|other| {
        matches!(
            other.spec["provision"]["state"].as_str(),
            Some("active" | "rescue")
        )
    })
}

/// Whether the node was as the request makes it already, as far as requests tell.
fn repeated(history: &[Version], earlier: &[&Request], request: &Request) -> bool {
    let undone_by: &[Deed] = match request.deed {
        Deed::Deploy => &[Deed::Undeploy],
        Deed::Undeploy => &[Deed::Deploy],
        Deed::Provide => &[Deed::Manage, Deed::Undeploy],
        Deed::PowerOff => &[
            Deed::PowerOn,
            Deed::Deploy,
            Deed::Rescue,
            Deed::Unrescue,
            Deed::Provide,
            Deed::Undeploy,
        ],
        Deed::Rescue => &[Deed::Unrescue, Deed::Undeploy],
        Deed::Unrescue => &[Deed::Rescue],
        Deed::Remove | Deed::Inspect => &[],
        Deed::Manage | Deed::PowerOn => return false,
    };
    let Some(last) = earlier.iter().rposition(|other| other.deed == request.deed) else {
        return false;
    };
    let undone = earlier[last..]
        .iter()
        .rfind(|other| undone_by.contains(&other.deed));
    match undone {
        None => true,
        // Somebody else ended our instance: it is not put there again unless a person says so.
        Some(undone) if request.deed == Deed::Deploy && !undone.ours => {
            !provision_changed(history, undone.at, request.at)
        }
        Some(_) => false,
    }
}

/// Whether `provision` was changed in that time.
fn provision_changed(history: &[Version], from: Instant, to: Instant) -> bool {
    let before = history.iter().rfind(|version| version.from <= from);
    let after = history
        .iter()
        .filter(|version| version.from > from && version.from <= to);
    before.is_some_and(|before| {
        after
            .into_iter()
            .any(|version| version.spec["provision"] != before.spec["provision"] || version.uid != before.uid)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Script(Instant, Vec<Version>, Vec<Request>);

    impl Script {
        fn at(&self, second: u64) -> Instant {
            self.0 + Duration::from_secs(second)
        }

        fn spec(mut self, second: u64, uid: &str, spec: Value, deleting: bool) -> Self {
            let from = self.at(second);
            if let Some(last) = self.1.last_mut() {
                last.until = Some(from);
            }
            let uid = uid.to_owned();
            self.1.push(Version {
                from,
                until: None,
                uid,
                spec,
                deleting,
            });
            self
        }

        fn sent(mut self, second: u64, deed: Deed, ours: bool) -> Self {
            let (at, node) = (self.at(second), "n".to_owned());
            self.2.push(Request { at, node, deed, ours });
            self
        }

        fn wrong(&self) -> Vec<String> {
            judge(&self.1, &self.2)
        }
    }

    fn script() -> Script {
        Script(Instant::now(), vec![], vec![])
    }

    fn active() -> Value {
        json!({"provision": {"state": "active", "instance": {}}})
    }

    #[test]
    fn what_a_spec_asks_for_is_right_once() {
        let life = script()
            .spec(0, "a", active(), false)
            .sent(1, Deed::Provide, true)
            .sent(2, Deed::Deploy, true)
            .spec(10, "a", json!({"provision": {"state": "available"}}), false)
            .sent(11, Deed::Undeploy, true)
            .spec(20, "a", json!({"deletionPolicy": "Delete"}), true)
            .sent(21, Deed::Remove, true);
        assert_eq!(life.wrong(), Vec::<String>::new());
        assert_eq!(life.sent(22, Deed::Remove, true).wrong().len(), 1, "twice");
    }

    #[test]
    fn what_no_spec_asks_for_is_wrong() {
        let deployed = || script().spec(0, "a", active(), false).sent(1, Deed::Deploy, true);
        let late = deployed()
            .spec(10, "a", json!({"provision": {"state": "available"}}), false)
            .spec(20, "a", active(), false)
            .sent(26, Deed::Undeploy, true);
        assert_eq!(late.wrong().len(), 1, "the spec was replaced");
        let paused = deployed()
            .spec(
                10,
                "a",
                json!({"paused": true, "provision": {"state": "available"}}),
                false,
            )
            .sent(11, Deed::Undeploy, true);
        assert_eq!(paused.wrong().len(), 1, "paused");
        let inherited = deployed()
            .spec(10, "b", json!({"provision": {"state": "available"}}), false)
            .sent(16, Deed::Undeploy, true);
        assert_eq!(inherited.wrong().len(), 1, "another object's instance");
        let deleted = deployed()
            .spec(
                10,
                "a",
                json!({"provision": {"state": "available"}, "deletionPolicy": "Delete"}),
                true,
            )
            .sent(16, Deed::Undeploy, true);
        assert_eq!(deleted.wrong().len(), 1, "Delete never wipes");
        assert_eq!(deployed().sent(3, Deed::Deploy, true).wrong().len(), 1, "twice");
        let ended = deployed()
            .sent(5, Deed::Undeploy, false)
            .sent(9, Deed::Deploy, true);
        assert_eq!(ended.wrong().len(), 1, "somebody ended it");
        let off = script()
            .spec(0, "a", json!({}), false)
            .sent(1, Deed::PowerOff, true);
        assert_eq!(off.wrong().len(), 1, "power");
    }
}
