//! A provision verb with its arguments.
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{ConfigDrive, Error, Result};
use crate::ironic::model::{ApiVersion, Object, Verb};

/// How large the body of a provision request may be, bytes (Ironic's default).
pub(super) const LARGEST: usize = 64 * 1024 * 1024;

/// The words of its refusal.
pub(super) const TOO_LARGE: &str = "the request is larger than the 64 MiB that Ironic takes";

/// The body of `PUT /v1/nodes/{node}/states/provision`. Arguments that do not go with the verb are refused
/// before anything is sent.
#[derive(Clone)]
pub struct ProvisionRequest {
    /// What to do.
    pub verb: Verb,
    /// With `active` and `rebuild` (API 1.35).
    pub configdrive: Option<ConfigDrive>,
    /// Steps of `clean`, of `service`, or (API 1.69) of `active` and `rebuild`, as Ironic writes them.
    pub steps: Vec<Object>,
    /// A runbook instead of the steps of `clean` or `service` (API 1.92).
    pub runbook: Option<String>,
    /// With `rescue`, and only with it.
    pub rescue_password: Option<SecretString>,
    /// Run the steps of `clean` (API 1.70) or `service` (API 1.108) without booting a ramdisk.
    pub disable_ramdisk: bool,
}

impl ProvisionRequest {
    /// A verb without arguments.
    pub fn new(verb: Verb) -> Self {
        Self {
            verb,
            configdrive: None,
            steps: Vec::new(),
            runbook: None,
            rescue_password: None,
            disable_ramdisk: false,
        }
    }

    /// The body, if the arguments go with the verb.
    pub(super) fn body(&self) -> Result<Object> {
        self.check()?;
        let mut body = Object::new();
        body.insert("target".into(), self.verb.as_str().into());
        if let Some(drive) = &self.configdrive {
            body.insert("configdrive".into(), drive.json()?);
        }
        if let (Some(name), false) = (self.steps_name(), self.steps.is_empty()) {
            let steps = self.steps.iter().cloned().map(Value::Object).collect();
            body.insert(name.into(), Value::Array(steps));
        }
        if let Some(runbook) = &self.runbook {
            body.insert("runbook".into(), runbook.as_str().into());
        }
        if let Some(password) = &self.rescue_password {
            body.insert("rescue_password".into(), password.expose_secret().into());
        }
        if self.disable_ramdisk {
            body.insert("disable_ramdisk".into(), true.into());
        }
        Ok(body)
    }

    /// What Ironic has to know, and since when it does.
    pub(super) fn needs(&self) -> Vec<(&'static str, ApiVersion)> {
        let when = |given: bool, what, minor| given.then_some((what, ApiVersion::v1(minor)));
        let deploys = self.deploys();
        let ramdisk = if self.verb == Verb::Service { 108 } else { 70 };
        let rebuild = self.configdrive.is_some() && self.verb == Verb::Rebuild;
        let drive = self.configdrive.as_ref().and_then(ConfigDrive::needs);
        [
            Some((self.verb.as_str(), self.verb.min_version())),
            when(rebuild, "a config drive for a rebuild", 35),
            drive.map(|version| ("a config drive in parts", version)),
            when(deploys && !self.steps.is_empty(), "deploy steps", 69),
            when(self.disable_ramdisk, "steps without a ramdisk", ramdisk),
            when(self.runbook.is_some(), "a runbook", 92),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn check(&self) -> Result<()> {
        let refuse = |problem: &str| Err(Error::argument(format!("{problem} (verb {})", self.verb)));
        let runs_steps = matches!(self.verb, Verb::Clean | Verb::Service);
        if self.configdrive.is_some() && !self.deploys() {
            return refuse("a config drive goes with active and rebuild only");
        }
        if !self.steps.is_empty() && self.steps_name().is_none() {
            return refuse("steps go with clean, service, active and rebuild only");
        }
        if !runs_steps && (self.runbook.is_some() || self.disable_ramdisk) {
            return refuse("a runbook and steps without a ramdisk go with clean and service only");
        }
        if runs_steps && self.steps.is_empty() == self.runbook.is_none() {
            return refuse("either steps or a runbook is needed");
        }
        match &self.rescue_password {
            Some(password) if self.verb == Verb::Rescue && !password.expose_secret().trim().is_empty() => {
                Ok(())
            }
            None if self.verb != Verb::Rescue => Ok(()),
            _ => refuse("a rescue password that is not blank goes with rescue, and only with it"),
        }
    }

    const fn deploys(&self) -> bool {
        matches!(self.verb, Verb::Active | Verb::Rebuild)
    }

    /// The member that holds the steps.
    const fn steps_name(&self) -> Option<&'static str> {
        match self.verb {
            Verb::Clean => Some("clean_steps"),
            Verb::Service => Some("service_steps"),
            Verb::Active | Verb::Rebuild => Some("deploy_steps"),
            _ => None,
        }
    }
}

/// Without what may be secret.
impl fmt::Debug for ProvisionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionRequest")
            .field("verb", &self.verb)
            .field("configdrive", &self.configdrive)
            .field("runbook", &self.runbook)
            .finish_non_exhaustive()
    }
}
