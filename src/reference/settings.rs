//! What can be set: flags and variables of the operator, intervals and limits of a cloud.

use clap::{Arg, CommandFactory};
use serde_json::Value;

use super::{Error, code, head, one_line, table};
use crate::api::crds;
use crate::config::Cli;
use crate::telemetry::DEFAULT_FILTER;

const INTRODUCTION: &str = "
Values of the Helm chart are described where they are: in [values.yaml](../../charts/ironwright/values.yaml).

## `ironwright run`

Every flag has an environment variable; the flag wins.

";

const CLOUD: &str = "BareMetalCloud";

/// The page.
pub fn page() -> Result<String, Error> {
    let mut page = head("Settings", "src/config.rs and src/api/cloud.rs");
    page.push_str(INTRODUCTION);
    page.push_str(&flags());
    for field in ["intervals", "limits"] {
        page.push_str(&group(field)?);
    }
    Ok(page)
}

fn flags() -> String {
    let command = Cli::command();
    let run = command.find_subcommand("run");
    let flags = run.into_iter().flat_map(clap::Command::get_arguments).map(flag);
    let log = vec![
        String::new(),
        code("RUST_LOG"),
        code(DEFAULT_FILTER),
        "What is logged: a list of `target=level`.".to_owned(),
    ];
    table(
        &["flag", "variable", "default", "what it sets"],
        flags.chain([log]),
    )
}

fn flag(arg: &Arg) -> Vec<String> {
    let value = arg.get_value_names().and_then(<[_]>::first);
    let (long, value) = (
        arg.get_long().unwrap_or_default(),
        value.map(ToString::to_string).unwrap_or_default(),
    );
    let flag = if arg.is_require_equals_set() {
        format!("--{long}[={value}]")
    } else {
        format!("--{long} {value}")
    };
    let variable = arg
        .get_env()
        .map(|name| code(&name.to_string_lossy()))
        .unwrap_or_default();
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    let default = defaults.join(" ");
    let default = if default.is_empty() {
        default
    } else {
        code(&default)
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<_> = arg
        .get_possible_values()
        .iter()
        .map(|value| code(value.get_name()))
        .collect();
    let choices = if choices.is_empty() {
        String::new()
    } else {
        format!(" One of {}.", choices.join(", "))
    };
    vec![
        code(flag.trim()),
        variable,
        default,
        // clap takes the full stop off.
        format!("{}.{choices}", one_line(&help)),
    ]
}

/// The integers of one part of a cloud's spec.
fn group(field: &str) -> Result<String, Error> {
    let crds = crds();
    let cloud = crds.iter().find(|crd| crd.spec.names.kind == CLOUD);
    let definition = serde_json::to_value(cloud)?;
    let path = format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{field}");
    let of = definition.pointer(&path).unwrap_or(&Value::Null);
    let table = table(&["field", "range", "what it sets"], rows("", of));
    Ok(format!("\n## `{CLOUD}.spec.{field}`\n\n{}\n\n{table}", says(of)))
}

/// A row for each field, and for those within it.
fn rows(within: &str, of: &Value) -> Vec<Vec<String>> {
    let fields = of["properties"].as_object().into_iter().flatten();
    let rows = fields.flat_map(|(name, field)| {
        let name = format!("{within}{name}");
        let inner = rows(&format!("{name}."), field);
        if !inner.is_empty() {
            return inner;
        }
        let range = format!("{} to {}", number(&field["minimum"]), number(&field["maximum"]));
        vec![vec![code(&name), range, says(field)]]
    });
    rows.collect()
}

fn says(field: &Value) -> String {
    one_line(field["description"].as_str().unwrap_or_default())
}

/// Schemas keep limits as floating-point numbers.
fn number(value: &Value) -> String {
    value
        .as_f64()
        .map(|number| number.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{page, rows};

    #[test]
    fn fields_within_fields_are_named_by_their_way() {
        let inner = json!({"minimum": 1.0, "maximum": 2.0, "description": "Both\n of them."});
        let rows = rows("", &json!({"properties": {"a": {"properties": {"b": inner}}}}));
        assert_eq!(rows, [["`a.b`", "1 to 2", "Both of them."]]);
    }

    #[test]
    fn flags_and_fields_are_there_with_their_units() {
        let page = page().unwrap();
        for piece in [
            "| `--concurrency N` | `IRONWRIGHT_CONCURRENCY` | `32` |",
            "| `--log-format FORMAT` | `IRONWRIGHT_LOG_FORMAT` | `text` | How log lines on stderr are written. One of `text`, `json`. |",
            "| `sweepSeconds` | 5 to 86400 | Seconds between",
            "| `requestsInFlight` | 1 to 64 |",
        ] {
            assert!(page.contains(piece), "{piece} is not in\n{page}");
        }
    }
}
