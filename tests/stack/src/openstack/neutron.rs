//! A real Neutron, on SQLite and without agents: ports of machines are bound by a mechanism driver of our own.

use std::path::Path;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::keystone::{REGION, answer};
use super::{Keystone, KeystoneAccess, OpenStackTools, READY_LIMIT, serve};
use crate::ports::{self, Port};
use crate::tools::openstack::ADMIN;
use crate::wait::until;
use crate::{Process, Proxy, Run, http_client};

/// The flat network, which machines are cleaned and provisioned in.
pub(super) const FLAT: &str = "flat";
/// One request after the other: SQLite has one writer, and a request of Neutron's that meets another one fails.
const THREADS: usize = 1;
/// A VLAN of that cable.
const VLAN: &str = "vlan";
const DRIVER: &str = include_str!("../../python/openstack/neutron_testkit.py");
const DRIVER_ENTRY_POINTS: &str = include_str!("../../python/openstack/neutron_entry_points.txt");
const DRIVER_METADATA: &str = include_str!("../../python/openstack/neutron_METADATA");

/// A running Neutron with the networks `flat` and `vlan`. Dropping it stops it.
#[derive(Debug)]
pub struct Neutron {
    /// The administrator's, for the project `admin`: networks are of projects.
    token: String,
    port: Port,
    process: Process,
    /// What the catalog names.
    door: Proxy,
}

impl Neutron {
    /// Starts one with an empty database, and enters it in the catalog as `network`.
    pub async fn start(tools: &OpenStackTools, run: &Run, keystone: &Keystone) -> Result<Self> {
        let (name, directory) = ("neutron", run.data("neutron")?);
        let access = keystone.access();
        write_files(tools, &directory, access).context("cannot write Neutron's files")?;
        let port = Port::reserve()?;
        let process = serve(
            tools,
            (name, "neutron.wsgi.api"),
            port.number(),
            THREADS,
            &run.log(name),
        )
        .env("OS_NEUTRON_CONFIG_DIR", &directory)
        .env("OS_NEUTRON_CONFIG_FILES", directory.join("neutron.conf"))
        .env("PYTHONPATH", directory.join("testkit"))
        .start()?;
        let door = Proxy::start(&format!("http://127.0.0.1:{}", port.number())).await?;
        let scope = json!({"project": {"name": ADMIN.0, "domain": {"id": "default"}}});
        let neutron = Self {
            token: keystone.token(ADMIN.0, ADMIN.1, &scope).await?,
            port,
            process,
            door,
        };
        neutron.ready().await?;
        neutron
            .create_networks()
            .await
            .context("cannot create networks")?;
        keystone
            .register("network", REGION, &neutron.door.endpoint())
            .await?;
        Ok(neutron)
    }

    /// Its URL, such as `http://127.0.0.1:23456`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// The way there by the catalog, which is Ironic's.
    pub fn door(&self) -> &Proxy {
        &self.door
    }

    /// Makes a request as the administrator; an answer that says no is an error.
    pub async fn request(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/v2.0{path}", self.endpoint());
        let request = http_client()?
            .request(method, url)
            .header("X-Auth-Token", &self.token);
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        answer(request).await.with_context(|| path.to_owned())
    }

    /// A new port in a network (`flat` or `vlan`): its id, which is that of a VIF. With `bind-fail` in its name it cannot be
    /// bound.
    pub async fn create_port(&self, network: &str, name: &str) -> Result<String> {
        let path = format!("/networks?name={network}");
        let networks = self.request(Method::GET, &path, &Value::Null).await?;
        let network = networks.pointer("/networks/0/id").context("no such network")?;
        let port = json!({"port": {"network_id": network, "name": name}});
        let port = self.request(Method::POST, "/ports", &port).await?;
        let id = port.pointer("/port/id").and_then(Value::as_str);
        Ok(id.context("Neutron told no id")?.to_owned())
    }

    /// The port as Neutron has it.
    pub async fn port(&self, id: &str) -> Result<Value> {
        let mut port = self
            .request(Method::GET, &format!("/ports/{id}"), &Value::Null)
            .await?;
        Ok(port.get_mut("port").map(Value::take).unwrap_or_default())
    }

    async fn create_networks(&self) -> Result<()> {
        for (kind, subnet) in [(FLAT, "10.0.0.0/16"), (VLAN, "10.1.0.0/16")] {
            let network = json!({"network": {
                "name": kind, "shared": true, "provider:network_type": kind,
                "provider:physical_network": "physnet1",
            }});
            let network = self.request(Method::POST, "/networks", &network).await?;
            let id = network.pointer("/network/id").context("Neutron told no id")?;
            let subnet = json!({"subnet": {
                "network_id": id, "cidr": subnet, "ip_version": 4, "enable_dhcp": false,
                "name": kind,
            }});
            self.request(Method::POST, "/subnets", &subnet).await?;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<()> {
        let answers = async || {
            self.process.ensure_alive()?;
            let answer = http_client()?.get(self.endpoint()).send().await;
            Ok(answer
                .is_ok_and(|answer| answer.status().is_success())
                .then_some(()))
        };
        until("Neutron", READY_LIMIT, answers)
            .await
            .with_context(|| self.process.log_tail(20))?;
        ports::prove_owner(self.port.number(), self.process.pid())
    }
}

fn write_files(tools: &OpenStackTools, directory: &Path, access: &KeystoneAccess) -> std::io::Result<()> {
    std::fs::copy(tools.empty_neutron(), directory.join("neutron.sqlite"))?;
    std::fs::copy(
        tools.file("etc/neutron/api-paste.ini"),
        directory.join("api-paste.ini"),
    )?;
    let about = directory.join("testkit/neutron_testkit-1.0.dist-info");
    std::fs::create_dir_all(&about)?;
    std::fs::write(directory.join("testkit/neutron_testkit.py"), DRIVER)?;
    std::fs::write(about.join("entry_points.txt"), DRIVER_ENTRY_POINTS)?;
    std::fs::write(about.join("METADATA"), DRIVER_METADATA)?;
    std::fs::write(directory.join("neutron.conf"), conf(directory, access))
}

fn conf(directory: &Path, access: &KeystoneAccess) -> String {
    let service = access.service_conf("keystone_authtoken", "neutron");
    let directory = directory.display();
    format!(
        "[DEFAULT]
core_plugin = ml2
service_plugins =
auth_strategy = keystone
transport_url = fake://
api_paste_config = {directory}/api-paste.ini
state_path = {directory}/state
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
dhcp_agent_notification = false
host = neutron-of-the-test-stack
[database]
connection = sqlite:///{directory}/neutron.sqlite
[ml2]
type_drivers = flat,vlan
tenant_network_types = vlan
mechanism_drivers = testkit
extension_drivers = port_security
[ml2_type_flat]
flat_networks = physnet1
[ml2_type_vlan]
network_vlan_ranges = physnet1:100:199
[oslo_concurrency]
lock_path = {directory}/lock
[oslo_messaging_notifications]
driver = noop
{service}"
    )
}
