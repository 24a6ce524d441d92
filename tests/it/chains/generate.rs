//! Chains of changes, drawn from the schema of a `BareMetalNode` by a seed: the same seed is the same chain.

#![cfg(test)]

use fastrand::Rng;
use ironwright::api::BareMetalNode;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

/// What is drawn in other ways than as a field of its own, or fixed.
const APART: [&str; 9] = [
    "cloudRef",
    "import",
    "driver",
    "name",
    "onEnroll",
    "provision",
    "managementPolicy",
    "paused",
    "deletionPolicy",
];

/// One change, by a user or by somebody else.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A merge patch of the spec; whether it is waited for.
    Edit(Value, bool),
    /// A merge patch that the apiserver must refuse.
    Refused(Value),
    /// The spec as it was before the last accepted change; whether it is waited for.
    Back(bool),
    /// The object is replaced by its own file, which knows no finalizer.
    Replace,
    /// Deleted under this policy, and created anew with the same spec.
    Again(&'static str),
    /// Detached and imported, by name or id, and perhaps by an object of another name.
    Import { by_name: bool, renamed: bool },
    /// The operator is killed.
    Kill,
    /// Somebody writes a field in Ironic.
    TheirField(&'static str, Value),
    /// Somebody puts the node into maintenance, or takes it out.
    TheirMaintenance(bool),
    /// Somebody claims the node, if nobody has.
    TheirClaim,
    /// Somebody tears our instance down.
    TheirUndeploy,
}

/// The first spec and what happens to it.
#[derive(Clone, Debug)]
pub struct Chain {
    /// What it was drawn from.
    pub seed: u64,
    /// The first spec.
    pub first: Value,
    /// The changes.
    pub steps: Vec<Step>,
}

impl Chain {
    /// Draws one. `own` is a word that no other chain has.
    pub fn draw(seed: u64, own: &str) -> Self {
        let mut draw = Draw::new(seed, own);
        let mut first = draw.first();
        for _ in 0..draw.rng.usize(0..4) {
            json_patch::merge(&mut first, &draw.field());
        }
        let count = draw.rng.usize(4..9);
        let steps = (0..count).map(|_| draw.step()).collect();
        Self { seed, first, steps }
    }
}

struct Draw {
    rng: Rng,
    own: String,
    /// The properties of the spec.
    fields: Map<String, Value>,
}

impl Draw {
    fn new(seed: u64, own: &str) -> Self {
        let definition = serde_json::to_value(BareMetalNode::crd()).expect("JSON");
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
        let fields = definition
            .pointer(spec)
            .and_then(Value::as_object)
            .expect("a schema");
        let fields = fields.iter().filter(|(name, _)| !APART.contains(&name.as_str()));
        Self {
            rng: Rng::with_seed(seed),
            own: own.to_owned(),
            fields: fields
                .map(|(name, schema)| (name.clone(), schema.clone()))
                .collect(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        self.rng.choice(all).expect("something to choose from").clone()
    }

    fn first(&mut self) -> Value {
        let mut spec = self.provision();
        if self.chance(50) {
            spec["driverInfo"] = json!({"redfish_address": format!("https://{}.example", self.own)});
        }
        if self.chance(15) {
            spec["onEnroll"] = json!({"inspect": true});
            spec["interfaces"] = json!({"inspect": "testkit"});
        }
        if self.chance(40) {
            spec["deletionPolicy"] = json!(self.of(&["Detach", "Delete", "Undeploy"]));
        }
        spec
    }

    fn step(&mut self) -> Step {
        let wait = self.chance(60);
        match self.rng.u32(0..100) {
            0..24 => Step::Edit(self.field(), wait),
            24..34 => Step::Edit(self.without(), wait),
            34..50 => Step::Edit(self.provision(), wait),
            50..55 => Step::Edit(self.switch(), wait),
            55..60 => Step::Edit(self.bad(), wait),
            60..65 => Step::Refused(self.refused()),
            65..75 => Step::Back(wait),
            75..78 => Step::Replace,
            78..83 => Step::Again(self.of(&["Detach", "Delete", "Undeploy"])),
            83..87 => Step::Import {
                by_name: self.chance(30),
                renamed: self.chance(50),
            },
            87..88 => Step::Kill,
            88..93 => self.their_field(),
            93..96 => Step::TheirMaintenance(self.chance(70)),
            96..98 => Step::TheirClaim,
            _ => Step::TheirUndeploy,
        }
    }

    /// Where the machine is wanted.
    fn provision(&mut self) -> Value {
        let state = self.of(&[
            None,
            Some("manageable"),
            Some("available"),
            Some("available"),
            Some("active"),
            Some("active"),
            Some("rescue"),
        ]);
        let Some(state) = state else {
            return json!({"provision": null});
        };
        let mut provision = json!({"state": state, "instance": null, "rescuePasswordFrom": null});
        if matches!(state, "active" | "rescue") {
            let image = format!("http://images.example/{}.qcow2", self.of(&["one", "two"]));
            provision["instance"] = json!({"image": {"source": image}});
        }
        if state == "rescue" {
            let secret = json!({"name": format!("{}-rescue", self.own), "key": "password"});
            provision["rescuePasswordFrom"] = json!({"secretRef": secret});
        }
        json!({"provision": provision})
    }

    /// Who may write, and what deletion does.
    fn switch(&mut self) -> Value {
        match self.rng.u32(0..3) {
            0 => json!({"paused": self.rng.bool()}),
            1 => json!({"managementPolicy": self.of(&["Managed", "Observe"])}),
            _ => {
                json!({"deletionPolicy": self.of(&[json!("Detach"), json!("Delete"), json!("Undeploy"), Value::Null])})
            }
        }
    }

    /// Any field of the schema, with a value that it allows.
    fn field(&mut self) -> Value {
        let names: Vec<_> = self.fields.keys().cloned().collect();
        let name = self.of(&names);
        let value = self.known(&name).unwrap_or_else(|| {
            let schema = self.fields[&name].clone();
            self.value(&schema)
        });
        json!({name: value})
    }

    /// A field is no longer managed.
    fn without(&mut self) -> Value {
        let names: Vec<_> = self.fields.keys().cloned().collect();
        json!({self.of(&names): null})
    }

    /// Values that mean something to Ironic, where any text would not do.
    fn known(&mut self, name: &str) -> Option<Value> {
        Some(match name {
            "interfaces" => {
                let kind = self.of(&[
                    "power",
                    "deploy",
                    "management",
                    "boot",
                    "raid",
                    "bios",
                    "console",
                    "vendor",
                    "inspect",
                    "rescue",
                ]);
                json!({kind: self.of(&[json!("fake"), json!("fake"), Value::Null])})
            }
            "properties" => {
                json!({self.of(&["cpus", "memory_mb", "cpu_arch", "rack.row", "a/b"]): self.free(1)})
            }
            "driverInfo" => json!({self.of(&["deploy_kernel", "deploy_ramdisk", "x.y"]): self.free(0)}),
            "driverInfoFrom" => {
                let kind = self.of(&["bmc", "bmc", "missing"]);
                let secret = format!("{}-{kind}", self.own);
                json!([{"secretRef": {"name": secret}}])
            }
            "traits" => self.of(&[
                json!(["CUSTOM_ONE"]),
                json!(["CUSTOM_TWO", "CUSTOM_ONE"]),
                json!(["HW_CPU_X86_VMX"]),
                json!([]),
            ]),
            "power" => {
                json!({"state": self.of(&["PoweredOn", "PoweredOff"]), "shutdown": "Hard", "timeoutSeconds": null})
            }
            "protected" | "retired" | "maintenance" => {
                let on = self.chance(60);
                let reason = if on {
                    self.of(&[json!("because"), json!("a fan"), Value::Null])
                } else {
                    Value::Null
                };
                json!({"enabled": on, "reason": reason})
            }
            "networkData" => json!({"links": [], "networks": [], "services": []}),
            "conductorGroup" | "chassisId" => Value::Null,
            _ => return None,
        })
    }

    /// What the schema takes and Ironic, or the operator, does not.
    fn bad(&mut self) -> Value {
        self.of(&[
            json!({"driver": "nonesuch"}),
            json!({"interfaces": {"deploy": "nonesuch"}}),
            json!({"traits": ["NO_SUCH_TRAIT_AT_ALL"]}),
            json!({"chassisId": "00000000-0000-4000-8000-000000000000"}),
            json!({"conductorGroup": "nowhere"}),
            json!({"networkData": {"links": "none"}}),
            json!({"driverInfo": {"redfish_password": "******"}}),
            json!({"properties": {"capabilities": "boot_mode:uefi"}, "capabilities": {"boot_mode": "bios"}}),
        ])
    }

    /// What the schema refuses.
    fn refused(&mut self) -> Value {
        let names: Vec<_> = self.fields.keys().cloned().collect();
        let name = self.of(&names);
        let schema = self.fields[&name].clone();
        let wrong = match schema["type"].as_str() {
            Some("string") if schema["maxLength"].is_u64() && self.rng.bool() => {
                json!("x".repeat(
                    usize::try_from(schema["maxLength"].as_u64().unwrap_or(0)).expect("a length") + 1
                ))
            }
            Some("string") => json!(7),
            _ => json!("a text"),
        };
        self.of(&[
            json!({name: wrong}),
            json!({"extra": {"ironwright": {"uid": "mine"}}}),
            json!({"provision": {"state": "available", "instance": {"image": {"source": "x"}}}}),
            json!({"cloudRef": {"name": "other"}}),
            json!({"managementPolicy": "Nonesuch"}),
        ])
    }

    fn their_field(&mut self) -> Step {
        let path = self.of(&[
            "/extra/theirs",
            "/properties/theirs",
            "/description",
            "/resource_class",
            "/owner",
            "/properties/cpus",
        ]);
        Step::TheirField(path, json!(format!("theirs-{}", self.rng.u8(..))))
    }

    /// Any value of a schema.
    fn value(&mut self, schema: &Value) -> Value {
        if let Some(all) = schema["enum"].as_array() {
            return self.of(all);
        }
        if schema["x-kubernetes-preserve-unknown-fields"] == true {
            return json!({self.of(&["one", "two", "with.dot"]): self.free(2)});
        }
        match schema["type"].as_str() {
            Some("string") => json!(format!("x{}", self.rng.u8(..))),
            Some("boolean") => json!(self.rng.bool()),
            Some("integer") => json!(self.rng.i64(schema["minimum"].as_i64().unwrap_or(0)..100)),
            Some("array") => json!([self.value(&schema["items"])]),
            Some("object") => {
                let more = &schema["additionalProperties"];
                if more.is_object() {
                    return json!({self.of(&["k1", "k2"]): self.value(more)});
                }
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                let drawn = properties
                    .iter()
                    .map(|(name, schema)| (name.clone(), self.value(schema)));
                Value::Object(drawn.collect())
            }
            other => panic!("no value is known for a {other:?}"),
        }
    }

    /// Any JSON, numbers that do not survive everything included.
    fn free(&mut self, depth: usize) -> Value {
        match self.rng.u32(0..10) {
            0..4 => json!(format!("v{}", self.rng.u8(..))),
            4 => json!(self.rng.i64(..)),
            5 => json!(self.rng.f64()),
            6 => json!(9.930_006_203_943_85e-14),
            7 => json!(self.rng.bool()),
            8 if depth > 0 => json!({"deep": self.free(depth - 1)}),
            9 if depth > 0 => json!([self.free(depth - 1), {"x": self.free(0)}]),
            _ => json!(1.0),
        }
    }
}

#[test]
fn a_seed_is_a_chain_and_another_one_another() {
    let steps = |seed| Chain::draw(seed, "x").steps;
    assert_eq!(steps(7), steps(7));
    assert_ne!(steps(7), steps(8));
}
