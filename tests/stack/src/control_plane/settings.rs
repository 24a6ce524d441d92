//! What the servers of a control plane are started with.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::process::Command;

use super::{READY_LIMIT, User, client_of};
use crate::ports::{self, Port};
use crate::wait::until;
use crate::{Launch, Process, Run, Tools};

/// Tells files apart that are about to replace another.
static FRESH: AtomicU64 = AtomicU64::new(0);

/// An RSA key by a library that the Python environment has anyway.
const SIGNING_KEY_SCRIPT: &str = "
import os, sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o600), pem)
";
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

/// Where everything is; fixed before the first server starts.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) directory: PathBuf,
    pub(super) kubeconfig: PathBuf,
    logs: [PathBuf; 3],
    etcd_client: Port,
    etcd_peer: Port,
    api: Port,
    /// User names with their tokens; the administrator comes first.
    pub(super) tokens: Vec<(String, String)>,
}

fn secret() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

impl Settings {
    pub(super) fn new(run: &Run, users: &[User]) -> Result<Self> {
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

    pub(super) fn certificate(&self) -> PathBuf {
        self.directory.join("certificates/apiserver.crt")
    }

    fn signing_key(&self) -> PathBuf {
        self.directory.join("service-accounts.key")
    }

    pub(super) fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.api.number())
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

    pub(super) async fn write_signing_key(&self, tools: &Tools) -> Result<()> {
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

    pub(super) fn etcd(&self, tools: &Tools) -> Launch {
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
            // Without it, ending takes a minute while anybody watches anything.
            .arg("--shutdown-send-retry-after=true")
    }

    pub(super) fn controller_manager(&self, tools: &Tools) -> Launch {
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
    pub(super) async fn start_apiserver(&self, tools: &Tools, etcd: &Process) -> Result<Process> {
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
    pub(super) fn write_kubeconfig(&self, file: &str, user: &str, token: &str) -> Result<PathBuf> {
        let path = self.kubeconfig.with_file_name(file);
        let server = self.endpoint();
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stack", "cluster": {"server": server, "certificate-authority": self.certificate()}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "stack", "context": {"cluster": "stack", "user": user}}],
            "current-context": "stack",
        });
        let text = serde_json::to_string_pretty(&content)?;
        // Whole or not at all: somebody may be reading the one from before.
        let fresh = self
            .kubeconfig
            .with_file_name(format!("{file}.{}", FRESH.fetch_add(1, Ordering::Relaxed)));
        let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &path));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}
