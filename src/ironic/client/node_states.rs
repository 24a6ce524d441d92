//! What moves a node: power and provision verbs.
use std::time::Duration;

use serde_json::json;

use super::routes::{NODE_POWER, NODE_PROVISION};
use super::{Client, Error, ProvisionRequest, Result, provision};
use crate::ironic::model::{ApiVersion, Node, PowerTarget, Seen};

impl Client {
    /// Asks for a power state; Ironic answers at once and works on it afterwards.
    ///
    /// `timeout` (whole seconds, at least one; API 1.27) is Ironic's own for the operation.
    pub async fn set_node_power_state(
        &self,
        id: &str,
        target: PowerTarget,
        timeout: Option<Duration>,
    ) -> Result<()> {
        let seconds = timeout.map(|timeout| timeout.as_secs());
        let body = match seconds {
            Some(0) => return Err(Error::argument("the power timeout is less than a second")),
            Some(seconds) => json!({"target": target.as_str(), "timeout": seconds}),
            None => json!({"target": target.as_str()}),
        };
        let mut call = self.to_node(&NODE_POWER, id)?.body(&body)?;
        if timeout.is_some() || target.is_soft() {
            call = call.needs("soft power and power timeouts", ApiVersion::v1(27));
        }
        self.ask(call).await
    }

    /// Asks for a power state and waits until Ironic is done with it, at most `wait`; see [`Client::set_node_power_state`] and
    /// [`Client::wait_for_node_power_state`].
    pub async fn set_node_power_state_and_wait(
        &self,
        id: &str,
        target: PowerTarget,
        timeout: Option<Duration>,
        wait: Duration,
    ) -> Result<Seen<Node>> {
        self.set_node_power_state(id, target, timeout).await?;
        self.wait_for_node_power_state(id, target, wait).await
    }

    /// Asks for a provision verb; Ironic changes the state before it answers and works on it afterwards.
    pub async fn set_node_provision_state(&self, id: &str, request: &ProvisionRequest) -> Result<()> {
        let mut call = self.to_node(&NODE_PROVISION, id)?.body(&request.body()?)?;
        if call.size() > provision::LARGEST {
            return Err(Error::argument(provision::TOO_LARGE));
        }
        for (what, version) in request.needs() {
            call = call.needs(what, version);
        }
        self.ask(call).await
    }
}
