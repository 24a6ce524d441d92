//! openstacksdk as a process that is told what to call.

#![cfg(test)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use ironwright_stack::Proxy;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::outcome::Failure;
use crate::stage::Stack;

const SCRIPT: &str = include_str!("../../stack/python/parity.py");
const GENISOIMAGE: &str = include_str!("../../stack/python/genisoimage.py");

/// One Python process: only to start it takes seconds.
pub struct Sdk {
    _process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What came of a call.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Value(Value),
    Error {
        r#type: String,
        status: Option<u16>,
        message: String,
    },
}

/// A call of openstacksdk's.
#[derive(Clone)]
pub struct Call {
    pub function: &'static str,
    args: Value,
    kwargs: Value,
    version: Option<&'static str>,
}

/// A call with arguments in order and by name.
pub fn call(function: &'static str, args: Value, kwargs: Value) -> Call {
    Call {
        function,
        args,
        kwargs,
        version: None,
    }
}

impl Call {
    /// The same in this version of the API.
    pub fn in_version(self, version: &'static str) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// As an order, or as an argument of another call.
    pub fn order(&self) -> Value {
        json!({"call": self.function, "args": self.args, "kwargs": self.kwargs, "version": self.version})
    }
}

impl Sdk {
    /// Starts it, with everything it sends going through the proxy.
    pub fn start(stack: &Stack, proxy: &Proxy) -> Self {
        let mut python = Command::new(stack.tools.python("python"));
        python.args(["-W", "ignore", "-c", SCRIPT, &proxy.endpoint()]);
        python
            .env("OS_CLIENT_CONFIG_FILE", stack.ironic.clouds_yaml())
            .env("OS_CLOUD", "ironic")
            .env("PATH", search_path(stack))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = python.spawn().expect("Python starts");
        let (orders, answers) = (process.stdin.take(), process.stdout.take());
        Self {
            _process: process,
            orders: orders.expect("its input"),
            answers: BufReader::new(answers.expect("its output")).lines(),
        }
    }

    /// Calls something and waits for what comes of it.
    pub async fn call(&mut self, call: &Call) -> Result<Value, Failure> {
        let order = format!("{}\n", call.order());
        self.orders
            .write_all(order.as_bytes())
            .await
            .expect("Python listens");
        let line = self.answers.next_line().await.expect("Python answers");
        let line = line.expect("Python does not end");
        match serde_json::from_str(&line).expect("an answer") {
            Answer::Value(value) => Ok(value),
            Answer::Error {
                r#type,
                status,
                message,
            } => Err(Failure {
                kind: kind(&r#type, status),
                words: message,
            }),
        }
    }
}

/// With a `genisoimage` first: openstacksdk needs one, and not every machine has it.
fn search_path(stack: &Stack) -> String {
    let directory = stack.run.data("parity").expect("a directory");
    let (program, python) = (directory.join("genisoimage"), stack.tools.python("python"));
    let script = format!("#!{}\n{GENISOIMAGE}", python.display());
    std::fs::write(&program, script).expect("the program is written");
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it can be run");
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", directory.display())
}

/// What an exception means.
fn kind(class: &str, status: Option<u16>) -> String {
    match (class, status) {
        ("NotSupported", _) => "not supported".to_owned(),
        ("ResourceFailure", _) => "failed".to_owned(),
        ("ResourceTimeout", _) => "timeout".to_owned(),
        ("ValidationException", _) => "invalid".to_owned(),
        ("ValueError" | "InvalidRequest" | "TypeError", _) => "argument".to_owned(),
        (_, Some(status)) => status.to_string(),
        ("NotFoundException", None) => "404".to_owned(),
        (class, None) => class.to_owned(),
    }
}
