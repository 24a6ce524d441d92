//! Keystone and Neutron: an environment of their own, built when somebody first asks for it, so that nobody pays for
//! them who does not need them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::requirements::{Python, Requirements};
use super::{cache_directory, digest, ensure_part, install};
use crate::{Launch, Progress};

const PINS: &str = include_str!("../../python/openstack/requirements.txt");
const SCHEMA: &str = include_str!("../../python/openstack/neutron_schema.py");
/// The administrator of every Keystone made from the template.
pub(crate) const ADMIN: (&str, &str) = ("admin", "admin-of-the-test-stack");
const REGION: &str = "RegionOne";
const KEYSTONE: &str = "keystone";
const NEUTRON: &str = "neutron.sqlite";

/// Paths to everything of Keystone and Neutron. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenStackTools {
    environment: PathBuf,
}

impl OpenStackTools {
    /// Installs them unless the cache has them.
    pub async fn ensure(progress: &Progress) -> Result<Self> {
        let cache = cache_directory()?;
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let python = Requirements { go: false }.check().await?;
        let pins = digest(&[PINS, SCHEMA, ADMIN.1, python.version()]);
        let environment = cache.join(format!("openstack-{pins}"));
        ensure_part(&environment, progress, || build(&environment, &python, progress)).await?;
        Ok(Self { environment })
    }

    /// The interpreter.
    pub fn python(&self) -> PathBuf {
        program(&self.environment, "python")
    }

    /// A file of the environment, such as `etc/neutron/api-paste.ini`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.environment.join(name)
    }

    /// A Keystone with its administrator and nothing else, to be copied: `keystone.sqlite` and the keys in `fernet`.
    pub fn empty_keystone(&self) -> PathBuf {
        self.environment.join(KEYSTONE)
    }

    /// An SQLite database with Neutron's schema and nothing in it, to be copied.
    pub fn empty_neutron(&self) -> PathBuf {
        self.environment.join(NEUTRON)
    }
}

fn program(environment: &Path, name: &str) -> PathBuf {
    environment.join("bin").join(name)
}

/// The settings of a Keystone whose data is in `directory`.
pub(crate) fn keystone_conf(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "[DEFAULT]
[database]
connection = sqlite:///{directory}/keystone.sqlite
[token]
provider = fernet
[fernet_tokens]
key_repository = {directory}/fernet
[credential]
key_repository = {directory}/fernet
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = oslo_cache.dict
"
    )
}

async fn build(part: &Path, python: &Python, progress: &Progress) -> Result<()> {
    let work = async {
        install(part, python, PINS).await?;
        tokio::try_join!(create_keystone(part), create_neutron(part))?;
        Ok(())
    };
    let what = "installing Keystone and Neutron (half a minute the first time, then cached)";
    progress.step(what, work).await
}

/// The schema, the keys that tokens are signed with, and the administrator.
async fn create_keystone(part: &Path) -> Result<()> {
    let directory = part.join(KEYSTONE);
    std::fs::create_dir_all(directory.join("fernet")).context("cannot create Keystone's directory")?;
    let settings = directory.join("keystone.conf");
    std::fs::write(&settings, keystone_conf(&directory)).context("cannot write keystone.conf")?;
    let manage = |arguments: &[&str]| {
        Launch::new(
            "keystone-manage",
            program(part, "keystone-manage"),
            part.join("keystone.log"),
        )
        .arg("--config-file")
        .arg(&settings)
        .args(arguments)
        .env("PYTHONWARNINGS", "ignore")
    };
    manage(&["db_sync"]).run().await?;
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    let (user, group) = (user.as_raw().to_string(), group.as_raw().to_string());
    let owner = [
        "fernet_setup",
        "--keystone-user",
        &user,
        "--keystone-group",
        &group,
    ];
    manage(&owner).run().await?;
    let bootstrap = [
        "bootstrap",
        "--bootstrap-username",
        ADMIN.0,
        "--bootstrap-password",
    ];
    let bootstrap = [&bootstrap[..], &[ADMIN.1, "--bootstrap-region-id", REGION]].concat();
    manage(&bootstrap).run().await
}

async fn create_neutron(part: &Path) -> Result<()> {
    let url = format!("sqlite:///{}", part.join(NEUTRON).display());
    let log = part.join("neutron.log");
    Launch::new("creating Neutron's tables", program(part, "python"), &log)
        .args(["-c", SCHEMA, &url])
        .env("PYTHONWARNINGS", "ignore")
        .run()
        .await?;
    let settings = part.join("neutron-dbsync.conf");
    std::fs::write(&settings, format!("[database]\nconnection = {url}\n"))
        .context("cannot write the settings of neutron-db-manage")?;
    Launch::new("neutron-db-manage", program(part, "neutron-db-manage"), &log)
        .arg("--config-file")
        .arg(&settings)
        .args(["stamp", "heads"])
        .env("PYTHONWARNINGS", "ignore")
        .run()
        .await
}
