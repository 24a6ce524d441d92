//! Real objects and real facts for the tests.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ObjectMeta;
use serde_json::{Map, json};

use super::super::desired::MASK;
use super::super::facts::{CloudFacts, Look, NodeFacts, SecretContent, SecretFacts};
use super::super::gate::Destructive;
use super::super::marker::{KEY, Marker};
use super::super::rules::Step;
use super::super::situation::{Gap, Tenant};
use crate::api::conditions::Reason;
use crate::api::node::{Provision, RescuePasswordFrom, WantedState};
use crate::api::refs::{CloudRef, SecretKeyRef};
use crate::api::{BareMetalNode, BareMetalNodeSpec, FINALIZER, instance};
use crate::domain::budget::Budget;
use crate::domain::cloud_identity::Accepts;
use crate::domain::freshness;
use crate::domain::ownership::Liveness;
use crate::domain::writers::Writers;
use crate::ironic::model::{Fingerprint, Node, NodeSummary, ProvisionState, Standing};

pub use super::patches::patch;

pub const CLUSTER: &str = "5d3c7a52-0000-0000-0000-000000000001";
pub const UID: &str = "0b9fbd3e-3a3c-4a76-9c55-2b0b9d6e1001";
/// The id that a claim of ours gets.
pub const OURS: &str = "7c6bd7a3-85b6-44f9-a0a2-0000000000aa";
/// The id of somebody else's claim.
pub const THEIRS: &str = "7c6bd7a3-85b6-44f9-a0a2-0000000000ff";
/// The time of a test, in seconds.
pub const NOW: i64 = 1_800_000_000;

/// What is seen, owned.
#[derive(Clone)]
pub enum Sight {
    NoCloud,
    NotYet,
    Down,
    Stale,
    Absent,
    Taken,
    Unlisted,
    Lost,
    Summary(Node),
    Full(Node),
}

/// Facts, owned.
#[derive(Clone)]
pub struct Case {
    pub object: BareMetalNode,
    pub sight: Sight,
    pub secrets: SecretFacts,
    pub paused: bool,
    pub suspect: Option<Reason>,
    pub drivers: Option<Vec<String>>,
    pub confirmed: Option<Step>,
    /// Seconds since the look began.
    pub looked: u64,
    pub room: Standing,
    pub budget: Option<Budget>,
    pub paid: bool,
    pub history: Option<String>,
    pub bulk_deletion: bool,
    pub now: i64,
    /// Whether the object that a foreign marker names exists.
    pub holder: Liveness,
    /// What the last list in detail told, if that is not what is seen.
    pub swept: Option<Fingerprint>,
    /// Who wrote marks for this cluster.
    pub writers: Option<Writers>,
}

impl Case {
    /// An object that manages nothing but the driver, and its node in this state.
    pub fn new(state: &ProvisionState) -> Self {
        Self {
            object: object(),
            sight: Sight::Full(node(state)),
            secrets: SecretFacts::default(),
            paused: false,
            suspect: None,
            drivers: None,
            confirmed: None,
            looked: 0,
            room: Standing::Unlimited,
            budget: None,
            paid: false,
            history: None,
            bulk_deletion: false,
            now: NOW,
            holder: Liveness::Living,
            swept: None,
            writers: None,
        }
    }

    /// Changes the node that is seen.
    pub fn see(mut self, change: impl FnOnce(&mut Node)) -> Self {
        if let Sight::Summary(node) | Sight::Full(node) = &mut self.sight {
            change(node);
        }
        self
    }

    /// Wants a provision state.
    pub fn want(mut self, state: Option<WantedState>) -> Self {
        self.object.spec.provision = state.map(|state| Provision {
            state: Some(state),
            instance: matches!(state, WantedState::Active | WantedState::Rescue).then(|| instance("a")),
            rescue_password_from: (state == WantedState::Rescue).then(rescue_password),
        });
        if state == Some(WantedState::Rescue) {
            let content = SecretContent {
                version: "1".into(),
                data: BTreeMap::from([("password".into(), "hunter2-r".into())]),
                ..SecretContent::default()
            };
            self.secrets.versions.insert("rescue".into(), Some("1".into()));
            let contents = self.secrets.contents.get_or_insert_default();
            contents.insert("rescue".into(), content);
        }
        self
    }

    /// Hands the facts to a function.
    pub fn with<T>(&self, ask: impl FnOnce(&NodeFacts) -> T) -> T {
        let shown = match &self.sight {
            Sight::Summary(node) | Sight::Full(node) => masked(node),
            _ => Node::default(),
        };
        let summary = NodeSummary::from(&shown);
        let look = match &self.sight {
            Sight::NoCloud => Look::NoCloud,
            Sight::NotYet => Look::NotYet,
            Sight::Down => Look::Down("connection refused"),
            Sight::Stale => Look::Stale,
            Sight::Absent => Look::Absent,
            Sight::Taken => Look::Taken("BareMetalNode other/n1 of cluster c"),
            Sight::Unlisted => Look::Unlisted,
            Sight::Lost => Look::Lost,
            Sight::Summary(_) => Look::Summary(&summary),
            Sight::Full(_) => Look::Full(&summary, &shown),
        };
        ask(&NodeFacts {
            object: &self.object,
            look,
            fingerprint: look
                .summary()
                .and(self.swept.or_else(|| Some(Fingerprint::of(&shown)))),
            secrets: &self.secrets,
            cloud: CloudFacts {
                deleting: false,
                paused: self.paused,
                suspect: self.suspect.map(|reason| (reason, "The endpoint is another one")),
                drivers: self.drivers.as_deref(),
                room: self.room,
                budget: self.budget,
                paid: self.paid,
                accepts: Accepts::default(),
            },
            cluster: CLUSTER,
            writers: self.writers.as_ref(),
            namespace_uid: None,
            bmc: None,
            holder: self.holder,
            bulk_deletion: self.bulk_deletion,
            confirmed: self.confirmed.and_then(Destructive::of),
            look_holds: freshness::bears(std::time::Duration::from_secs(self.looked)),
            fresh_instance_id: uuid::Uuid::parse_str(OURS).unwrap(),
            history: self.history.as_deref(),
            now: jiff::Timestamp::from_second(self.now).unwrap(),
        })
    }
}

pub fn object() -> BareMetalNode {
    BareMetalNode {
        metadata: ObjectMeta {
            namespace: Some("metal".into()),
            name: Some("n1".into()),
            uid: Some(UID.into()),
            generation: Some(1),
            finalizers: Some(vec![FINALIZER.into()]),
            ..ObjectMeta::default()
        },
        spec: BareMetalNodeSpec {
            cloud_ref: CloudRef { name: "lab".into() },
            driver: "redfish".into(),
            ..BareMetalNodeSpec::default()
        },
        status: None,
    }
}

/// Marks the object as being deleted.
pub fn delete(object: &mut BareMetalNode) {
    object.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::from_second(NOW).unwrap()));
}

/// Where the rescue password is.
pub fn rescue_password() -> RescuePasswordFrom {
    RescuePasswordFrom {
        secret_ref: SecretKeyRef {
            name: "rescue".into(),
            key: "password".into(),
        },
    }
}

pub fn instance(image: &str) -> instance::InstanceSpec {
    instance::InstanceSpec {
        image: instance::Image {
            source: format!("http://images/{image}"),
            ..instance::Image::default()
        },
        ..instance::InstanceSpec::default()
    }
}

/// The object's node as Ironic has it after its creation.
pub fn node(state: &ProvisionState) -> Node {
    let marker = Marker::of(&object(), CLUSTER, None).value();
    Node {
        uuid: UID.into(),
        name: Some("metal~n1".into()),
        driver: "redfish".into(),
        provision_state: state.clone(),
        deploy_interface: Some("default".into()),
        conductor_group: Some(String::new()),
        extra: Map::from_iter([(KEY.to_owned(), marker)]),
        ..Node::default()
    }
}

/// What has to be changed next on a machine without a tenant.
pub fn gap(facts: &NodeFacts) -> Gap {
    super::super::fields::gap(facts, Tenant::Nobody)
}

/// As Ironic shows it: with secrets masked.
pub fn masked(node: &Node) -> Node {
    let mut shown = node.clone();
    for (key, value) in &mut shown.driver_info {
        if key.contains("password") {
            *value = json!(MASK);
        }
    }
    shown
}
