//! A real Kubernetes control plane: etcd, kube-apiserver with RBAC, kube-controller-manager; no nodes.

mod settings;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::wait::until;
use crate::{Process, Proxy, Run, Tools};
use settings::Settings;

/// The recipe needs 3 s on a quiet machine; a busy one with cold disks needs a multiple.
const READY_LIMIT: Duration = Duration::from_secs(90);
/// Longer than any run of tests or demo.
const TOKEN_SECONDS: i64 = 12 * 3600;

/// A user besides the administrator, known by a token. What it may do is up to RBAC.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its groups.
    pub groups: Vec<String>,
}

/// A running control plane. Dropping it stops it.
#[derive(Debug)]
pub struct ControlPlane {
    tools: Tools,
    settings: Settings,
    /// Shared with nobody but whoever sees to it that it ends last.
    etcd: Arc<Process>,
    apiserver: Mutex<Process>,
    controller_manager: Process,
}

impl ControlPlane {
    /// Starts it and waits until it is ready: requests are answered and controllers act.
    pub async fn start(tools: &Tools, run: &Run) -> Result<Self> {
        Self::start_with(tools, run, &[]).await
    }

    /// The same with more users; [`ControlPlane::kubeconfig_for`] makes their kubeconfigs.
    pub async fn start_with(tools: &Tools, run: &Run, users: &[User]) -> Result<Self> {
        let settings = Settings::new(run, users)?;
        let etcd = settings.etcd(tools).start()?;
        settings.write_signing_key(tools).await?;
        let apiserver = settings.start_apiserver(tools, &etcd).await?;
        let controller_manager = settings.controller_manager(tools).start()?;
        let plane = Self {
            tools: tools.clone(),
            settings,
            etcd: Arc::new(etcd),
            apiserver: Mutex::new(apiserver),
            controller_manager,
        };
        plane.controllers_act().await?;
        Ok(plane)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.settings.kubeconfig
    }

    /// An HTTP proxy in front of the apiserver; [`ControlPlane::kubeconfig_through`] sends a program through it.
    pub async fn proxy(&self) -> Result<Proxy> {
        Proxy::start_tls(&self.settings.endpoint(), &self.settings.certificate()).await
    }

    /// A copy of a kubeconfig with a proxy in place of the apiserver.
    pub fn kubeconfig_through(&self, proxy: &Proxy, kubeconfig: &Path) -> Result<PathBuf> {
        let mut file = Kubeconfig::read_from(kubeconfig).context("cannot read the kubeconfig")?;
        for cluster in file
            .clusters
            .iter_mut()
            .filter_map(|entry| entry.cluster.as_mut())
        {
            cluster.server = Some(proxy.endpoint());
            cluster.certificate_authority = None;
        }
        let name = kubeconfig.file_name().context("the kubeconfig has no name")?;
        let port = proxy.endpoint().rsplit(':').next().unwrap_or_default().to_owned();
        let path = kubeconfig.with_file_name(format!("{}-through-{port}", name.display()));
        std::fs::write(&path, serde_json::to_vec_pretty(&file)?).context("cannot write a kubeconfig")?;
        Ok(path)
    }

    /// A client with the administrator's rights. It belongs to the async runtime that asks for it.
    pub async fn client(&self) -> Result<Client> {
        client_of(self.kubeconfig()).await
    }

    /// Writes the kubeconfig of a user named at the start.
    pub fn kubeconfig_for(&self, user: &str) -> Result<PathBuf> {
        let known = self.settings.tokens.iter().find(|(name, _)| name == user);
        let (_, token) = known.with_context(|| format!("there is no user {user}"))?;
        self.settings
            .write_kubeconfig(&format!("kubeconfig-{user}"), user, token)
    }

    /// Writes a kubeconfig with which a program acts as a ServiceAccount, as if it ran in a pod of it.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let accounts = Api::<ServiceAccount>::namespaced(self.client().await?, namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec,
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("cannot get a token for ServiceAccount {namespace}/{name}"))?;
        let token = answer
            .status
            .context("the apiserver answered without a token")?
            .token;
        self.settings
            .write_kubeconfig(&format!("kubeconfig-{namespace}-{name}"), name, &token)
    }

    /// Runs kubectl as the administrator. Whether it succeeded is in the output.
    pub async fn kubectl<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Output> {
        self.tool("kubectl", arguments).await
    }

    /// Runs helm as the administrator, with caches and settings of its own.
    pub async fn helm<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Output> {
        self.tool("helm", arguments).await
    }

    /// Stops the apiserver and starts it again on the same port; watches break, as in an upgrade.
    pub async fn restart_apiserver(&self) -> Result<()> {
        let mut apiserver = self.apiserver.lock().await;
        apiserver.stop().await;
        *apiserver = self.settings.start_apiserver(&self.tools, &self.etcd).await?;
        Ok(())
    }

    /// Stops everything, in order, and waits for the end.
    pub async fn stop(&self) {
        self.controller_manager.stop().await;
        self.apiserver.lock().await.stop().await;
        self.etcd.stop().await;
    }

    async fn tool<S: AsRef<OsStr>>(&self, name: &str, arguments: &[S]) -> Result<Output> {
        let home = &self.settings.directory;
        let mut command = Command::new(self.tools.binary(name));
        command.args(arguments).kill_on_drop(true);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", home)
            .env("KUBECACHEDIR", home.join("kubectl"));
        for (variable, folder) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ] {
            command.env(variable, home.join("helm").join(folder));
        }
        command
            .output()
            .await
            .with_context(|| format!("cannot run {name}"))
    }

    /// Waits for the first thing controllers do in every namespace: its default ServiceAccount.
    async fn controllers_act(&self) -> Result<()> {
        let accounts = Api::<ServiceAccount>::namespaced(self.client().await?, "default");
        let acted = async || {
            self.controller_manager.ensure_alive()?;
            // Right after its start the apiserver may still refuse requests; that passes.
            Ok(accounts.get_opt("default").await.ok().flatten().map(drop))
        };
        until("kube-controller-manager", READY_LIMIT, acted).await
    }
}

impl Drop for ControlPlane {
    /// An apiserver that has lost its etcd takes long to end: etcd is let go when the apiserver is gone.
    fn drop(&mut self) {
        let (etcd, apiserver_ended) = (Arc::clone(&self.etcd), self.apiserver.get_mut().ended());
        std::thread::spawn(move || {
            futures::executor::block_on(apiserver_ended);
            drop(etcd);
        });
    }
}

/// Runs as the user of a kubeconfig file.
pub(crate) async fn client_of(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig).context("cannot read the kubeconfig")?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
