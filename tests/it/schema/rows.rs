//! Manifests that break the schema.

#![cfg(test)]

use serde_json::{Value, json};

/// Name of the row, kind, merged into a good spec, and the words that must appear.
pub type Row = (&'static str, &'static str, Value, &'static [&'static str]);

pub const NODE: &str = "BareMetalNode";
pub const CLOUD: &str = "BareMetalCloud";

fn provision_rows() -> Vec<Row> {
    let instance = json!({"image": {"source": "http://images.example/one.qcow2"}});
    let with = |state: &str| json!({"provision": {"state": state, "instance": instance}});
    let only_active = &["provision.instance is given exactly when provision.state is active or rescue"][..];
    vec![
        ("an instance with available", NODE, with("available"), only_active),
        (
            "an instance without a state",
            NODE,
            json!({"provision": {"instance": instance}}),
            only_active,
        ),
        (
            "active without an instance",
            NODE,
            json!({"provision": {"state": "active"}}),
            only_active,
        ),
        (
            "rescue without an instance",
            NODE,
            json!({"provision": {"state": "rescue", "rescuePasswordFrom": {"secretRef": {"name": "a", "key": "b"}}}}),
            only_active,
        ),
        (
            "rescue without a password",
            NODE,
            with("rescue"),
            &["provision.state rescue needs provision.rescuePasswordFrom"],
        ),
        (
            "an inspection of an import",
            NODE,
            json!({"import": {"name": "old"}, "onEnroll": {"inspect": true}}),
            &["onEnroll goes with a machine that this object enrols, not with import"],
        ),
        (
            "a state that cannot be asked for",
            NODE,
            json!({"provision": {"state": "deploying"}}),
            &["spec.provision.state", "supported values", "\"manageable\""],
        ),
    ]
}

fn instance_rows() -> Vec<Row> {
    let drive = |drive: Value| json!({"provision": {"state": "active", "instance": {"image": {"source": "x"}, "configDrive": drive}}});
    let long = |length| "x".repeat(length);
    let image =
        |source: String| json!({"provision": {"state": "active", "instance": {"image": {"source": source}}}});
    let from = json!({"secretRef": {"name": "a", "key": "b"}});
    vec![
        (
            "an empty config drive",
            NODE,
            drive(json!({})),
            &["configDrive is empty"],
        ),
        (
            "user data twice",
            NODE,
            drive(json!({"userData": "x", "userDataFrom": from})),
            &["userData or userDataFrom, not both"],
        ),
        (
            "a url and parts",
            NODE,
            drive(json!({"url": "http://images.example/drive", "metaData": {"a": "b"}})),
            &["a url or its parts, not both"],
        ),
        (
            "a url that is none",
            NODE,
            drive(json!({"url": "H4sIAAAA"})),
            &["configDrive.url", "should match"],
        ),
        (
            "endless user data",
            NODE,
            drive(json!({"userData": long(65_537)})),
            &["userData", "65536"],
        ),
        (
            "an image without a source",
            NODE,
            image(String::new()),
            &["image.source", "at least 1"],
        ),
        (
            "an endless source",
            NODE,
            image(long(2049)),
            &["image.source", "2048"],
        ),
    ]
}

fn node_rows() -> Vec<Row> {
    vec![
        (
            "the operator's own key",
            NODE,
            json!({"extra": {"ironwright": {"uid": "x"}}}),
            &["extra.ironwright is the operator's own key"],
        ),
        (
            "an unknown deletion policy",
            NODE,
            json!({"deletionPolicy": "Wipe"}),
            &["spec.deletionPolicy", "\"Detach\"", "\"Delete\"", "\"Undeploy\""],
        ),
        (
            "an empty driver",
            NODE,
            json!({"driver": ""}),
            &["spec.driver", "at least 1"],
        ),
        (
            "no driver",
            NODE,
            json!({"driver": null}),
            &["spec.driver", "Required value"],
        ),
        (
            "an empty cloud",
            NODE,
            json!({"cloudRef": {"name": ""}}),
            &["spec.cloudRef.name", "at least 1"],
        ),
    ]
}

/// What looks like a name and is none.
fn blank_rows() -> Vec<Row> {
    let blank = |field: &str| json!({field: " \n"});
    let mut rows: Vec<Row> = ["resourceClass", "owner", "lessee", "shard", "description"]
        .map(|field| (field, NODE, blank(field), &["should match"][..]))
        .into();
    rows.extend([
        (
            "a driver that is blank",
            NODE,
            blank("driver"),
            &["spec.driver", "should match"][..],
        ),
        (
            "a capability that is blank",
            NODE,
            json!({"capabilities": {"boot_mode": " "}}),
            &["spec.capabilities.boot_mode", "should match"],
        ),
        (
            "a cloud in capitals",
            NODE,
            json!({"cloudRef": {"name": "Lab"}}),
            &["spec.cloudRef.name", "should match"],
        ),
        (
            "a Secret that no Secret can be called",
            NODE,
            json!({"driverInfoFrom": [{"secretRef": {"name": "bmc_1"}}]}),
            &["driverInfoFrom[0].secretRef.name", "should match"],
        ),
    ]);
    rows
}

fn name_rows() -> Vec<Row> {
    let long = |length| "x".repeat(length);
    vec![
        (
            "an empty name",
            NODE,
            json!({"name": ""}),
            &["spec.name", "at least 1"],
        ),
        (
            "a name Ironic does not take",
            NODE,
            json!({"name": "rack 1/a"}),
            &["spec.name", "should match"],
        ),
        (
            "a name too long",
            NODE,
            json!({"name": long(256)}),
            &["spec.name", "255"],
        ),
        (
            "a resource class too long",
            NODE,
            json!({"resourceClass": long(81)}),
            &["spec.resourceClass", "80"],
        ),
    ]
}

fn part_rows() -> Vec<Row> {
    let nine: Vec<_> = (0..9)
        .map(|n| json!({"secretRef": {"name": format!("s{n}")}}))
        .collect();
    vec![
        (
            "an interface without a name",
            NODE,
            json!({"interfaces": {"power": ""}}),
            &["spec.interfaces.power", "at least 1"],
        ),
        (
            "too many Secrets",
            NODE,
            json!({"driverInfoFrom": nine}),
            &["spec.driverInfoFrom", "at most 8"],
        ),
        (
            "a Secret without a name",
            NODE,
            json!({"driverInfoFrom": [{"secretRef": {"name": ""}}]}),
            &["driverInfoFrom[0].secretRef.name", "at least 1"],
        ),
        (
            "a text for a map",
            NODE,
            json!({"properties": "large"}),
            &["spec.properties", "expected map"],
        ),
        (
            "a misspelled field",
            NODE,
            json!({"resourceclass": "large"}),
            &["spec.resourceclass", "field not declared in schema"],
        ),
    ]
}

fn cloud_rows() -> Vec<Row> {
    let secret = json!({"name": "clouds"});
    let one_of = &["exactly one of endpoint", "credentialsSecretRef"][..];
    let endpoint = |endpoint: &str| json!({"endpoint": endpoint});
    vec![
        (
            "both",
            CLOUD,
            json!({"credentialsSecretRef": secret, "cloudName": "lab"}),
            one_of,
        ),
        ("neither", CLOUD, json!({"endpoint": null}), one_of),
        (
            "a cloud's name alone",
            CLOUD,
            json!({"cloudName": "lab"}),
            &["give both or neither"],
        ),
        (
            "a Secret without the cloud's name",
            CLOUD,
            json!({"endpoint": null, "credentialsSecretRef": secret}),
            &["give both or neither"],
        ),
        (
            "credentials in the URL",
            CLOUD,
            endpoint("http://admin:secret@ironic.example"),
            &["spec.endpoint", "should match"],
        ),
        (
            "another scheme",
            CLOUD,
            endpoint("ftp://ironic.example"),
            &["spec.endpoint", "should match"],
        ),
        (
            "an empty endpoint",
            CLOUD,
            endpoint(""),
            &["spec.endpoint", "at least 1"],
        ),
        (
            "no pause at all",
            CLOUD,
            json!({"intervals": {"busySeconds": 0}}),
            &["busySeconds", "greater than or equal to 1"],
        ),
        (
            "a flood",
            CLOUD,
            json!({"limits": {"requestsInFlight": 65}}),
            &["requestsInFlight", "less than or equal to 64"],
        ),
    ]
}

/// Every row.
pub fn all() -> impl Iterator<Item = Row> {
    let rows = [
        provision_rows(),
        instance_rows(),
        node_rows(),
        blank_rows(),
        name_rows(),
        part_rows(),
        cloud_rows(),
    ];
    rows.into_iter().flatten()
}
