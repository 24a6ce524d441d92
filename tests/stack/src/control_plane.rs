//! A real Kubernetes control plane: etcd, kube-apiserver with RBAC, kube-controller-manager; no nodes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::ports::{self, Port};
use crate::wait::until;
use crate::{Launch, Process, Run, Tools};

/// The recipe needs 3 s on a quiet machine; a busy one with cold disks needs a multiple.
const READY_LIMIT: Duration = Duration::from_secs(90);
/// Longer than any run of tests or demo.
const TOKEN_SECONDS: i64 = 12 * 3600;
/// What an operator's life depends on; the others (volumes, nodes, autoscaling, …) only cost start-up time.
const CONTROLLERS: [&str; 12] = [
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
];
/// An RSA key by a library that the Python environment has anyway.
const SIGNING_KEY_SCRIPT: &str = "
import os, sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o600), pem)
";

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
    etcd: Process,
    apiserver: Mutex<Process>,
    controller_manager: Process,
}

/// Where everything is; fixed before the first server starts.
#[derive(Debug)]
struct Settings {
    directory: PathBuf,
    kubeconfig: PathBuf,
    logs: [PathBuf; 3],
    etcd_client: Port,
    etcd_peer: Port,
    api: Port,
    /// User names with their tokens; the administrator comes first.
    tokens: Vec<(String, String)>,
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
            etcd,
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

/// Runs as the user of a kubeconfig file.
pub(crate) async fn client_of(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig).context("cannot read the kubeconfig")?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

fn secret() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

impl Settings {
    fn new(run: &Run, users: &[User]) -> Result<Self> {
        let directory = run.data("control-plane")?;
        let settings = Self {
            kubeconfig: run.file("kubeconfig"),
            logs: ["etcd", "kube-apiserver", "kube-controller-manager"].map(|name| run.log(name)),
            etcd_client: Port::reserve()?,
            etcd_peer: Port::reserve()?,
            api: Port::reserve()?,
            tokens: std::iter::once("admin")
                .chain(users.iter().map(|user| user.name.as_str()))
                .map(|name| (name.to_owned(), secret()))
                .collect(),
            directory,
        };
        settings.write_tokens(users)?;
        Ok(settings)
    }

    fn certificate(&self) -> PathBuf {
        self.directory.join("certificates/apiserver.crt")
    }

    fn signing_key(&self) -> PathBuf {
        self.directory.join("service-accounts.key")
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_client.number())
    }

    fn write_tokens(&self, users: &[User]) -> Result<()> {
        let groups = std::iter::once("system:masters".to_owned())
            .chain(users.iter().map(|user| user.groups.join(",")));
        let lines = self.tokens.iter().zip(groups).map(|((name, token), groups)| {
            let groups = if groups.is_empty() {
                String::new()
            } else {
                format!(",\"{groups}\"")
            };
            format!("{token},{name},{name}{groups}\n")
        });
        std::fs::write(self.directory.join("tokens.csv"), lines.collect::<String>())
            .context("cannot write tokens")
    }

    async fn write_signing_key(&self, tools: &Tools) -> Result<()> {
        let mut python = Command::new(tools.python("python"));
        let output = python
            .args(["-c", SIGNING_KEY_SCRIPT])
            .arg(self.signing_key())
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "cannot make a signing key: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    fn etcd(&self, tools: &Tools) -> Launch {
        let client = self.etcd_url();
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer.number());
        let [log, ..] = &self.logs;
        Launch::new("etcd", tools.binary("etcd"), log)
            .arg("--data-dir")
            .arg(self.directory.join("etcd"))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("default={peer}")])
            // Nothing here has to survive a power cut.
            .args(["--unsafe-no-fsync", "--log-level", "warn"])
    }

    fn apiserver(&self, tools: &Tools) -> Launch {
        let path = |flag: &str, path: PathBuf| format!("--{flag}={}", path.display());
        let [_, log, _] = &self.logs;
        Launch::new("kube-apiserver", tools.binary("kube-apiserver"), log)
            .arg(format!("--etcd-servers={}", self.etcd_url()))
            .arg(format!("--secure-port={}", self.api.number()))
            .args([
                "--bind-address=127.0.0.1",
                "--service-cluster-ip-range=10.0.0.0/24",
            ])
            .arg(path("cert-dir", self.directory.join("certificates")))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(path("service-account-signing-key-file", self.signing_key()))
            .arg(path("service-account-key-file", self.signing_key()))
            .arg(path("token-auth-file", self.directory.join("tokens.csv")))
            .args(["--authorization-mode=RBAC", "--profiling=false"])
    }

    fn controller_manager(&self, tools: &Tools) -> Launch {
        let [.., log] = &self.logs;
        let path = |flag: &str, path: &Path| format!("--{flag}={}", path.display());
        Launch::new(
            "kube-controller-manager",
            tools.binary("kube-controller-manager"),
            log,
        )
        .arg(path("kubeconfig", &self.kubeconfig))
        .arg(path("service-account-private-key-file", &self.signing_key()))
        // Published to every namespace; without it nobody in the cluster can verify the apiserver.
        .arg(path("root-ca-file", &self.certificate()))
        .args([
            "--use-service-account-credentials=true",
            "--secure-port=0",
            "--leader-elect=false",
        ])
        .arg(format!("--controllers={}", CONTROLLERS.join(",")))
        // The usual limit of 20 requests a second makes the start take seconds.
        .args(["--kube-api-qps=200", "--kube-api-burst=400", "--profiling=false"])
    }

    /// Starts the apiserver, waits until it accepts our token, and makes sure that it is the one that answers.
    async fn start_apiserver(&self, tools: &Tools, etcd: &Process) -> Result<Process> {
        let apiserver = self.apiserver(tools).start()?;
        let ready = async || {
            etcd.ensure_alive()?;
            apiserver.ensure_alive()?;
            Ok(self.accepts_our_token().await.then_some(()))
        };
        until("kube-apiserver", READY_LIMIT, ready).await?;
        ports::prove_owner(self.api.number(), apiserver.pid())?;
        Ok(apiserver)
    }

    /// Anybody may read `/readyz`, but a token that the server does not know is refused.
    async fn accepts_our_token(&self) -> bool {
        if !self.certificate().is_file() {
            return false;
        }
        let Some((user, token)) = self.tokens.first() else {
            return false;
        };
        let Ok(kubeconfig) = self.write_kubeconfig("kubeconfig", user, token) else {
            return false;
        };
        let Ok(client) = client_of(&kubeconfig).await else {
            return false;
        };
        let request = http::Request::get("/readyz").body(Vec::new());
        let Ok(request) = request else { return false };
        client.request_text(request).await.is_ok()
    }

    /// The serving certificate is self-signed: it is its own authority, so that clients verify it as anywhere.
    fn write_kubeconfig(&self, file: &str, user: &str, token: &str) -> Result<PathBuf> {
        let path = self.kubeconfig.with_file_name(file);
        let server = format!("https://127.0.0.1:{}", self.api.number());
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stack", "cluster": {"server": server, "certificate-authority": self.certificate()}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "stack", "context": {"cluster": "stack", "user": user}}],
            "current-context": "stack",
        });
        let text = serde_json::to_string_pretty(&content)?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}
