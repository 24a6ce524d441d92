//! The real parts that tests stand on: one control plane and one Ironic for the whole run, and further ones for a test that
//! stops, kills or empties them.

#![cfg(test)]

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ironwright::api::BareMetalNode;
use ironwright_stack::{ControlPlane, Ironic, IronicOptions, Progress, Run, Tools, wait};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::harness::LIMIT;

static STACK: OnceCell<Stack> = OnceCell::const_new();

/// See [`heavy`].
static HEAVY: Mutex<()> = Mutex::const_new(());

/// To be held by a test that takes more than its share of two cores: beside a second one like it, light ones would run out of time.
pub async fn heavy() -> MutexGuard<'static, ()> {
    HEAVY.lock().await
}

/// The parts. Those that all tests share are never dropped: their guards end them when this process ends.
#[derive(Clone)]
pub struct Stack {
    pub run: Arc<Run>,
    pub tools: Tools,
    pub control_plane: Arc<ControlPlane>,
    pub ironic: Arc<Ironic>,
}

/// The shared parts, started by the first test that asks.
pub async fn stack() -> &'static Stack {
    // One TLS library for every client in this process; a second test that says so changes nothing.
    let _second = rustls::crypto::ring::default_provider().install_default();
    STACK
        .get_or_init(|| async { start().await.expect("the stack starts") })
        .await
}

impl Stack {
    /// The same with an Ironic of its own, which ends with the test.
    pub async fn with_own_ironic(&self, name: &str) -> Result<Self> {
        self.with_ironic(name, "").await
    }

    /// The same, with this on top of its configuration.
    pub async fn with_ironic(&self, name: &str, extra_conf: &str) -> Result<Self> {
        let options = IronicOptions {
            name: format!("ironic-{name}"),
            extra_conf: extra_conf.to_owned(),
            ..IronicOptions::default()
        };
        let ironic = Ironic::start(&self.tools, &self.run, options).await?;
        Ok(Self {
            ironic: Arc::new(ironic),
            ..self.clone()
        })
    }

    /// The same with a control plane of its own, which ends with the test.
    pub async fn with_own_control_plane(&self) -> Result<Self> {
        let run = Run::start()?;
        let control_plane = ControlPlane::start(&self.tools, &run).await?;
        install(&control_plane).await?;
        Ok(Self {
            run: Arc::new(run),
            control_plane: Arc::new(control_plane),
            ..self.clone()
        })
    }
}

async fn start() -> Result<Stack> {
    let tools = Tools::ensure(&Progress::stderr()).await?;
    let run = Run::start()?;
    let (control_plane, ironic) = tokio::try_join!(
        ControlPlane::start(&tools, &run),
        Ironic::start(&tools, &run, IronicOptions::default())
    )?;
    install(&control_plane).await?;
    Ok(Stack {
        run: Arc::new(run),
        tools,
        control_plane: Arc::new(control_plane),
        ironic: Arc::new(ironic),
    })
}

/// The chart without its Deployment: definitions, ServiceAccount and rights.
async fn install(control_plane: &ControlPlane) -> Result<()> {
    let chart = ironwright_stack::run::workspace().join("charts/ironwright");
    let chart = chart.to_str().context("the path of the chart is not text")?;
    let install = [
        "install",
        "ironwright",
        chart,
        "--namespace",
        "ironwright-system",
        "--create-namespace",
    ];
    let installed = control_plane
        .helm(&[&install[..], &["--set", "operator.enabled=false"]].concat())
        .await?;
    if !installed.status.success() {
        bail!(
            "helm install failed: {}",
            String::from_utf8_lossy(&installed.stderr)
        );
    }
    established(control_plane).await
}

/// The definitions are served.
async fn established(control_plane: &ControlPlane) -> Result<()> {
    let client = control_plane.client().await?;
    let nodes = Api::<BareMetalNode>::all(client);
    wait::until("the definitions", LIMIT, async || {
        Ok(nodes.list(&ListParams::default()).await.is_ok().then_some(()))
    })
    .await
}

/// The chart gives the right to the Lease in its own namespace; a test has one of its own, with the same rules.
pub async fn grant_lease(client: &Client, namespace: &str) -> Result<()> {
    let (name, parameters) = ("ironwright-lease", PostParams::default());
    let mut role = Api::<Role>::namespaced(client.clone(), "ironwright-system")
        .get(name)
        .await?;
    let mut binding = Api::<RoleBinding>::namespaced(client.clone(), "ironwright-system")
        .get(name)
        .await?;
    for metadata in [&mut role.metadata, &mut binding.metadata] {
        *metadata = ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
    }
    let roles = Api::<Role>::namespaced(client.clone(), namespace);
    roles.create(&parameters, &role).await?;
    let bindings = Api::<RoleBinding>::namespaced(client.clone(), namespace);
    bindings.create(&parameters, &binding).await?;
    Ok(())
}
