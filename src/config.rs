//! The command line and its environment: what can be set, its unit and its default.
//!
//! Every setting of the operator has one flag and one environment variable, so that a Deployment needs no shell.
//! An empty namespace or cluster id counts as absent, because that is what templates produce for "not set".

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// What to do.
#[derive(Clone, Debug, Parser)]
#[command(name = "ironwright", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// The tool to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The tools of the one binary.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Runs the operator until SIGTERM or SIGINT.
    Run(Run),
    /// Prints the CustomResourceDefinitions as YAML, or writes one file for each.
    Crds(Crds),
    /// Writes the pages of the documentation that follow from the code.
    Reference(Reference),
}

/// Settings of `ironwright run`. The log filter is `RUST_LOG`, see [`crate::telemetry`].
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// Address and port of /healthz, /readyz and /metrics (plain HTTP).
    #[arg(
        long,
        value_name = "ADDR",
        env = "IRONWRIGHT_LISTEN",
        default_value = "0.0.0.0:8080"
    )]
    pub listen: SocketAddr,

    /// The one namespace to work in [default: all namespaces].
    #[arg(
        long,
        value_name = "NS",
        env = "WATCH_NAMESPACE",
        default_value = "",
        hide_default_value = true
    )]
    namespace: String,

    /// How log lines on stderr are written.
    #[arg(long, value_name = "FORMAT", env = "IRONWRIGHT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Names this Kubernetes cluster in the marker on every Ironic node, so that two clusters can share an
    /// Ironic; must never change [default: the uid of the namespace kube-system].
    #[arg(
        long,
        value_name = "ID",
        env = "IRONWRIGHT_CLUSTER_ID",
        default_value = "",
        hide_default_value = true
    )]
    cluster_id: String,

    /// Objects that are reconciled at the same time: so many nodes of each Ironic, and so many clouds. An Ironic that hangs holds
    /// up its own nodes alone.
    // What really limits the load on an Ironic is the number of requests in flight to it.
    #[arg(long, value_name = "N", env = "IRONWRIGHT_CONCURRENCY", default_value = "32")]
    pub concurrency: NonZeroU16,

    /// The addresses of Ironic and Keystone that may be talked to, separated by commas: addresses, networks (10.0.0.0/8), names,
    /// names under one (*.example.com) [default: all but loopback, link-local and the Kubernetes API]. A name never leads to one of
    /// those three; an address or a network that is listed does.
    #[arg(
        long,
        value_name = "LIST",
        env = "IRONWRIGHT_ALLOW_ENDPOINTS",
        default_value = "",
        hide_default_value = true
    )]
    allow_endpoints: String,

    /// Writes only while holding a Lease, so that a second replica can stand by and no two ever write.
    /// "false" leaves it to you that there is only one.
    #[arg(
        long,
        value_name = "BOOL",
        env = "IRONWRIGHT_LEADER_ELECT",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    pub leader_elect: bool,

    /// The name of the Lease.
    #[arg(
        long,
        value_name = "NAME",
        env = "IRONWRIGHT_LEASE_NAME",
        default_value = "ironwright"
    )]
    pub lease_name: String,

    /// The namespace of the Lease [default: that of the pod's ServiceAccount].
    #[arg(
        long,
        value_name = "NS",
        env = "POD_NAMESPACE",
        default_value = "",
        hide_default_value = true
    )]
    lease_namespace: String,

    /// The name of the pod: who holds the Lease, who reports an Event, whom Ironic's logs name.
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAME",
        default_value = "",
        hide_default_value = true
    )]
    pod_name: String,
}

/// Where a pod finds the namespace of its ServiceAccount.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

impl Run {
    /// The namespace to work in; `None` is all of them.
    pub fn namespace(&self) -> Option<&str> {
        given(&self.namespace)
    }

    /// The configured name of this cluster; `None` is "use the uid of `kube-system`".
    pub fn cluster_id(&self) -> Option<&str> {
        given(&self.cluster_id)
    }

    /// Whom the operator may talk to; empty is the default.
    pub fn allow_endpoints(&self) -> Vec<String> {
        let entries = self.allow_endpoints.split(',').filter_map(given);
        entries.map(str::to_owned).collect()
    }

    /// The namespace of the Lease; `None` outside of a pod unless it is given.
    pub fn lease_namespace(&self) -> Option<String> {
        let pod = || std::fs::read_to_string(Path::new(POD_NAMESPACE)).ok();
        let namespace = given(&self.lease_namespace).map(str::to_owned).or_else(pod)?;
        given(&namespace).map(str::to_owned)
    }

    /// The name of the pod or, outside of one, of the machine.
    pub fn instance(&self) -> Option<String> {
        let machine = || std::env::var("HOSTNAME").ok();
        given(&self.pod_name).map(str::to_owned).or_else(machine)
    }
}

/// Settings of `ironwright crds`.
#[derive(Args, Clone, Debug)]
pub struct Crds {
    /// Writes one file for each definition into this directory instead of printing them.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// Settings of `ironwright reference`.
#[derive(Args, Clone, Debug)]
pub struct Reference {
    /// Where to write them.
    #[arg(long, value_name = "DIR")]
    pub directory: PathBuf,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// For people, coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

fn given(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command, LogFormat, Run};

    fn run(arguments: &[&str]) -> Run {
        let line = ["ironwright", "run"].iter().chain(arguments);
        match Cli::try_parse_from(line).unwrap().command {
            Command::Run(run) => run,
            Command::Crds(_) | Command::Reference(_) => panic!("not run"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults() {
        let run = run(&[]);
        assert_eq!(run.listen.to_string(), "0.0.0.0:8080");
        assert_eq!(run.namespace(), None);
        assert_eq!(run.cluster_id(), None);
        assert_eq!(run.log_format, LogFormat::Text);
        assert_eq!(run.concurrency.get(), 32);
        assert!(run.leader_elect);
        assert!(run.allow_endpoints().is_empty());
        assert_eq!(run.lease_name, "ironwright");
    }

    #[test]
    fn the_election() {
        assert!(run(&["--leader-elect"]).leader_elect);
        assert!(!run(&["--leader-elect=false"]).leader_elect);
        let run = run(&["--lease-namespace", "metal", "--pod-name", "ironwright-0"]);
        assert_eq!(run.lease_namespace().as_deref(), Some("metal"));
        assert_eq!(run.instance().as_deref(), Some("ironwright-0"));
    }

    #[test]
    fn given_values() {
        let run = run(&[
            "--listen",
            "127.0.0.1:9",
            "--namespace",
            "metal",
            "--log-format",
            "json",
            "--cluster-id",
            "blue",
            "--concurrency",
            "4",
            "--allow-endpoints",
            "10.0.0.0/8, *.example.com,",
        ]);
        assert_eq!(run.allow_endpoints(), ["10.0.0.0/8", "*.example.com"]);
        assert_eq!(run.listen.to_string(), "127.0.0.1:9");
        assert_eq!(run.namespace(), Some("metal"));
        assert_eq!(run.cluster_id(), Some("blue"));
        assert_eq!(run.log_format, LogFormat::Json);
        assert_eq!(run.concurrency.get(), 4);
    }

    #[test]
    fn an_empty_namespace_is_all_namespaces() {
        assert_eq!(run(&["--namespace", " "]).namespace(), None);
    }

    #[test]
    fn no_concurrency_is_refused() {
        assert!(Cli::try_parse_from(["ironwright", "run", "--concurrency", "0"]).is_err());
    }
}
