//! What the Secrets of a node's object hold, read when a decision asks for it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::node_gather::Pass;
use crate::api::conditions::Reason;
use crate::domain::node::facts::SecretContent;
use crate::domain::node::{desired, quotes};
use crate::kubernetes::secrets::{ANYTHING, CREDENTIALS, SecretError};

impl Pass<'_> {
    /// Reads the content of the Secrets.
    pub async fn read_secrets(&mut self) {
        let mut contents = BTreeMap::new();
        let look = self.look();
        let names = quotes::secrets(&self.facts(&look, Timestamp::now()))
            .into_iter()
            .map(str::to_owned);
        for name in names.collect::<Vec<_>>() {
            let most = self.most_bytes(&name);
            match self.context.secrets.read(self.namespace(), &name, most).await {
                Ok(secret) => {
                    let text = |value: &secrecy::SecretString| value.expose_secret().to_owned();
                    let data = secret
                        .data
                        .iter()
                        .map(|(key, value)| (key.clone(), text(value)))
                        .collect();
                    let binary = secret
                        .binary
                        .iter()
                        .map(|(key, value)| (key.clone(), value.expose_secret().to_vec()))
                        .collect();
                    contents.insert(
                        name,
                        SecretContent {
                            version: secret.version,
                            data,
                            binary,
                        },
                    );
                }
                Err(error) => self.cannot_read(name, &error),
            }
        }
        self.secrets.contents = Some(contents);
    }

    /// How much the Secret may hold. User data may be large.
    fn most_bytes(&self, name: &str) -> usize {
        let user_data = desired::user_data_ref(&self.object);
        if user_data.is_some_and(|(secret, _)| secret == name) {
            ANYTHING
        } else {
            CREDENTIALS
        }
    }

    /// A deletion goes on without Secrets, and so does who no longer names one.
    fn cannot_read(&mut self, name: String, error: &SecretError) {
        let needed = desired::secret_names(&self.object).contains(&name.as_str());
        if needed && !self.deleting() {
            self.secrets.unreadable = Some((reason(error), format!("{error}.")));
        }
        let why = match error {
            SecretError::Missing { .. } => None,
            SecretError::Forbidden { .. }
            | SecretError::MissingKey { .. }
            | SecretError::NotText { .. }
            | SecretError::TooLarge { .. }
            | SecretError::Unavailable { .. } => Some(error.to_string()),
        };
        self.secrets.unread.insert(name, why);
    }
}

/// The condition's reason for a Secret that cannot be read.
fn reason(error: &SecretError) -> Reason {
    match error {
        SecretError::Missing { .. } => Reason::SecretMissing,
        SecretError::MissingKey { .. } => Reason::SecretKeyMissing,
        SecretError::Unavailable { .. }
        | SecretError::Forbidden { .. }
        | SecretError::NotText { .. }
        | SecretError::TooLarge { .. } => Reason::SecretUnavailable,
    }
}
