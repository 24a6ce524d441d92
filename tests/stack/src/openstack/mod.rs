//! An OpenStack cloud as small as can be: Keystone, an Ironic that asks it, and Neutron where somebody plugs machines in.
//!
//! | user | scope | roles |
//! |---|---|---|
//! | `admin` | system, project `admin` | admin |
//! | `operator`, `member`, `reader` | project `metal` | admin, member, reader |
//! | `ironic`, `neutron` | project `service` | admin, service |
//!
//! All are of the domain `Default`, and the catalog's region is `RegionOne`.

mod keystone;
mod neutron;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

pub use crate::tools::OpenStackTools;
pub use keystone::{Keystone, KeystoneAccess};
pub use neutron::Neutron;

use crate::{Ironic, IronicAuth, IronicOptions, Launch, Progress, Run, Tools};

/// Five seconds each on a quiet machine; they are slow starters on a busy one.
const READY_LIMIT: Duration = Duration::from_mins(4);
const SERVE: &str = include_str!("../../python/openstack/serve.py");
/// Ironic asks Keystone about every token: one that was revoked is not to be believed from memory.
const IRONIC_CONF: &str = "
[DEFAULT]
rbac_service_role_elevated_access = true
[keystone_authtoken]
token_cache_time = -1
";

/// Everything that runs.
#[derive(Debug)]
pub struct OpenStack {
    /// Who is who.
    pub keystone: Keystone,
    /// Networks, if asked for.
    pub neutron: Option<Neutron>,
    /// The bare metal service, `baremetal` in the catalog.
    pub ironic: Ironic,
    /// For openstacksdk.
    clouds: PathBuf,
}

/// What kind of cloud.
#[derive(Clone, Debug, Default)]
pub struct OpenStackOptions {
    /// With Neutron, and Ironic's network interfaces `flat` and `neutron`.
    pub neutron: bool,
    /// The Ironic; its `auth` is Keystone's.
    pub ironic: IronicOptions,
}

impl OpenStack {
    /// Starts it, with what it needs installed if need be.
    pub async fn start(
        tools: &Tools,
        run: &Run,
        progress: &Progress,
        options: OpenStackOptions,
    ) -> Result<Self> {
        let openstack = OpenStackTools::ensure(progress).await?;
        let keystone = Keystone::start(&openstack, run, "keystone").await?;
        let access = keystone.access();
        let mut ironic = options.ironic;
        ironic.auth = IronicAuth::Keystone(access.clone());
        ironic.extra_conf = format!(
            "{IRONIC_CONF}{}{}",
            ironic_conf(access, options.neutron),
            ironic.extra_conf
        );
        let start_neutron = async {
            if options.neutron {
                Neutron::start(&openstack, run, &keystone).await.map(Some)
            } else {
                Ok(None)
            }
        };
        let (neutron, ironic) = tokio::try_join!(start_neutron, Ironic::start(tools, run, ironic))?;
        keystone
            .register("baremetal", keystone::REGION, &ironic.endpoint())
            .await?;
        let clouds = run.file("openstack-clouds.yaml");
        std::fs::write(&clouds, clouds_yaml(access)).context("cannot write clouds.yaml")?;
        Ok(Self {
            keystone,
            neutron,
            ironic,
            clouds,
        })
    }

    /// A clouds.yaml with one cloud for each way in: `system`, `operator`, `member`, `reader`.
    pub fn clouds_yaml(&self) -> &Path {
        &self.clouds
    }
}

/// How Ironic proves to others who it is, and where networks come from.
fn ironic_conf(access: &KeystoneAccess, neutron: bool) -> String {
    let service = |section| access.service_conf(section, "ironic");
    let mut conf = service("keystone_authtoken") + &service("service_catalog");
    if neutron {
        conf += "[DEFAULT]\nenabled_network_interfaces = noop,flat,neutron\n";
        conf += "[agent]\nneutron_agent_max_attempts = 3\nneutron_agent_status_retry_interval = 1\n";
        conf += &service("neutron");
        for purpose in ["cleaning", "provisioning", "rescuing", "inspection", "servicing"] {
            conf += &[purpose, "_network = ", neutron::FLAT, "\n"].concat();
        }
        conf += "valid_interfaces = public\n";
    }
    conf
}

/// JSON is YAML, with nothing to quote wrongly.
fn clouds_yaml(access: &KeystoneAccess) -> String {
    let in_metal = |user: &str| {
        json!({"region_name": keystone::REGION, "auth": {
            "auth_url": access.auth_url, "username": user, "password": access.password_of(user),
            "user_domain_id": "default", "project_name": "metal", "project_domain_id": "default",
        }})
    };
    let clouds = json!({"clouds": {
        "system": access.as_cloud(),
        "operator": in_metal("operator"),
        "member": in_metal("member"),
        "reader": in_metal("reader"),
    }});
    format!("{clouds:#}\n")
}

/// A WSGI application of one of them: its name and module, its port, and how many requests it answers at once.
fn serve(
    tools: &OpenStackTools,
    (name, module): (&str, &str),
    port: u16,
    threads: usize,
    log: &Path,
) -> Launch {
    Launch::new(name, tools.python(), log)
        .args(["-c", SERVE, module, "127.0.0.1"])
        .args([port.to_string(), threads.to_string()])
        .env("PYTHONWARNINGS", "ignore")
        .env("PYTHONDONTWRITEBYTECODE", "1")
}
