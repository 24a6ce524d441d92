//! A real Ironic, API and conductor in one process, on SQLite, with fake hardware.
//!
//! The driver is `fake-hardware`. Its default interfaces never fail; those named `testkit` do as a node's
//! `extra.testkit` says (`tests/stack/python/testkit/ironic_testkit.py` explains the keys).

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

use crate::openstack::KeystoneAccess;
use crate::ports::{self, Port};
use crate::wait::until;
use crate::{Launch, Process, Run, Tools, http_client};

/// Four seconds on a quiet machine.
const READY_LIMIT: Duration = Duration::from_secs(90);
/// Conductors can be listed, and drivers have types, from this version on.
const API_VERSION: &str = "1.49";
/// Half a day, in seconds. On SQLite a conductor sends no heartbeats, so it is told to be alive for this long after its start.
const HEARTBEAT_TIMEOUT: u32 = 43_200;
/// The entry of clouds.yaml, and the value of OS_CLOUD.
const CLOUD: &str = "ironic";
const TESTKIT: &str = include_str!("../python/testkit/ironic_testkit.py");
/// What Python imports at its start.
const STARTUP: &str = include_str!("../python/testkit/sitecustomize.py");
/// Ironic packs config drives with a program of this name; not every machine has it.
const GENISOIMAGE: &str = include_str!("../python/genisoimage.py");
const TESTKIT_ENTRY_POINTS: &str = include_str!("../python/testkit/entry_points.txt");
const TESTKIT_METADATA: &str = include_str!("../python/testkit/METADATA");
/// The only hash that Ironic accepts is bcrypt. Few rounds: it is computed for every request.
const HTPASSWD_SCRIPT: &str = "import bcrypt, sys; \
    print(sys.argv[1] + ':' + bcrypt.hashpw(sys.argv[2].encode(), bcrypt.gensalt(4)).decode())";

/// How clients prove who they are.
#[derive(Clone, Debug, Default)]
pub enum IronicAuth {
    /// They do not.
    #[default]
    NoAuth,
    /// With a user name and a password in each request.
    HttpBasic {
        /// The only user.
        user: String,
        /// Its password.
        password: String,
    },
    /// With a token of this Keystone.
    Keystone(KeystoneAccess),
}

/// What kind of Ironic.
#[derive(Clone, Debug)]
pub struct IronicOptions {
    /// Tells several ones of a run apart: in file names and as the conductor's host name.
    pub name: String,
    /// How clients prove who they are.
    pub auth: IronicAuth,
    /// Appended to `ironic.conf`: sections may repeat there, and the last value counts.
    pub extra_conf: String,
    /// Whether the `testkit` interfaces are enabled.
    pub testkit: bool,
}

impl Default for IronicOptions {
    fn default() -> Self {
        Self {
            name: "ironic".to_owned(),
            auth: IronicAuth::NoAuth,
            extra_conf: String::new(),
            testkit: true,
        }
    }
}

/// A running Ironic. Dropping it stops it.
#[derive(Debug)]
pub struct Ironic {
    tools: Tools,
    options: IronicOptions,
    directory: PathBuf,
    clouds: PathBuf,
    log: PathBuf,
    port: Port,
    process: Mutex<Process>,
}

impl Ironic {
    /// Starts one with an empty database and waits until its API answers and its conductor offers drivers.
    pub async fn start(tools: &Tools, run: &Run, options: IronicOptions) -> Result<Self> {
        let directory = run.data(&options.name)?;
        let port = Port::reserve()?;
        let clouds = run.file(&format!("{}-clouds.yaml", options.name));
        let log = run.log(&options.name);
        let settings = Settings {
            directory: &directory,
            port: port.number(),
            options: &options,
        };
        settings.write(tools, &clouds).await?;
        let process = settings.launch(tools, &log).start()?;
        let ironic = Self {
            clouds,
            log,
            port,
            process: Mutex::new(process),
            tools: tools.clone(),
            directory,
            options,
        };
        ironic.ready().await?;
        Ok(ironic)
    }

    /// Its URL, such as `http://127.0.0.1:23456`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// The conductor's host name.
    pub fn conductor(&self) -> String {
        conductor(&self.options.name, self.port.number())
    }

    /// A clouds.yaml for openstacksdk; the cloud is called `ironic`.
    pub fn clouds_yaml(&self) -> &Path {
        &self.clouds
    }

    /// Runs a Python script that finds openstacksdk set up for this Ironic: `openstack.connect()` just works.
    /// The arguments are its `sys.argv[1:]`. Whether it succeeded is in the output.
    pub async fn python<S: AsRef<OsStr>>(&self, script: &str, arguments: &[S]) -> Result<Output> {
        let mut python = Command::new(self.tools.python("python"));
        python.arg("-c").arg(script).args(arguments).kill_on_drop(true);
        python
            .env("OS_CLIENT_CONFIG_FILE", &self.clouds)
            .env("OS_CLOUD", CLOUD)
            .env("PYTHONWARNINGS", "ignore");
        python.output().await.context("cannot run Python")
    }

    /// Changes rows of the database, as somebody who restores a backup does. Ironic reads them anew for each request.
    pub async fn sql(&self, statement: &str) -> Result<()> {
        let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=30) as db:\n    db.execute(sys.argv[2])\n";
        let database = self.directory.join("ironic.sqlite").display().to_string();
        let output = self.python(script, &[database.as_str(), statement]).await?;
        if output.status.success() {
            return Ok(());
        }
        bail!(
            "the database is not changed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    }

    /// Removes every node whose name begins so: what a test leaves behind is listed by all that come after it. Blocks for milliseconds.
    pub fn forget_nodes(&self, prefix: &str) {
        let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=5) as db:\n    db.execute(\"DELETE FROM nodes WHERE name LIKE ? || '%'\", sys.argv[2:])\n";
        let database = self.directory.join("ironic.sqlite");
        let mut python = std::process::Command::new(self.tools.python("python"));
        python.args(["-I", "-S", "-c", script]).arg(database).arg(prefix);
        python.stderr(std::process::Stdio::null());
        python.status().ok();
    }

    /// The process, to kill, pause or resume it. Not to be held across [`Ironic::restart`].
    pub async fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().await
    }

    /// Stops it, if it still runs, and starts it again on the same port and database.
    pub async fn restart(&self) -> Result<()> {
        {
            let mut process = self.process.lock().await;
            process.stop().await;
            let settings = Settings {
                directory: &self.directory,
                port: self.port.number(),
                options: &self.options,
            };
            *process = settings.launch(&self.tools, &self.log).start()?;
        }
        self.ready().await
    }

    /// Stops it and waits for the end.
    pub async fn stop(&self) {
        self.process.lock().await.stop().await;
    }

    /// Asks it something, as its user.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let request = http_client()?.get(format!("{}{path}", self.endpoint()));
        let request = request.header("X-OpenStack-Ironic-API-Version", API_VERSION);
        let request = match &self.options.auth {
            IronicAuth::NoAuth => request,
            IronicAuth::HttpBasic { user, password } => request.basic_auth(user, Some(password)),
            IronicAuth::Keystone(access) => request.header("X-Auth-Token", &access.token),
        };
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// It is ours that answers, its conductor is alive, and there is something it can drive.
    async fn ready(&self) -> Result<()> {
        let process = self.process.lock().await;
        let answers = async || {
            process.ensure_alive()?;
            Ok(self.offers_drivers().await.unwrap_or_default().then_some(()))
        };
        until("Ironic", READY_LIMIT, answers)
            .await
            .with_context(|| process.log_tail(20))?;
        ports::prove_owner(self.port.number(), process.pid())
    }

    async fn offers_drivers(&self) -> Result<bool> {
        let drivers = self.get("/v1/drivers").await?;
        let hosts = drivers
            .pointer("/drivers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut hosts = hosts
            .filter_map(|driver| driver.pointer("/hosts")?.as_array())
            .flatten();
        Ok(hosts.any(|host| *host == self.conductor()))
    }
}

fn conductor(name: &str, port: u16) -> String {
    format!("{name}-{port}")
}

/// What decides about the files.
struct Settings<'a> {
    directory: &'a Path,
    port: u16,
    options: &'a IronicOptions,
}

impl Settings<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn launch(&self, tools: &Tools, log: &Path) -> Launch {
        Launch::new("ironic", tools.python("ironic"), log)
            .arg("--config-file")
            .arg(self.file("ironic.conf"))
            .env("PATH", self.search_path())
            .env("PYTHONWARNINGS", "ignore")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", self.file("testkit"))
    }

    /// Our own programs first.
    fn search_path(&self) -> OsString {
        let mut path = self.file("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    async fn write(&self, tools: &Tools, clouds: &Path) -> Result<()> {
        for folder in ["state", "lock", "tftpboot", "httpboot"] {
            std::fs::create_dir(self.file(folder)).context("cannot create Ironic's directories")?;
        }
        std::fs::copy(tools.empty_database(), self.file("ironic.sqlite"))
            .context("cannot copy the database")?;
        self.write_testkit().context("cannot write the testkit plugin")?;
        self.write_genisoimage(tools)
            .context("cannot write genisoimage")?;
        if let IronicAuth::HttpBasic { user, password } = &self.options.auth {
            self.write_htpasswd(tools, user, password).await?;
        }
        std::fs::write(self.file("ironic.conf"), self.conf()).context("cannot write ironic.conf")?;
        std::fs::write(clouds, self.clouds()).context("cannot write clouds.yaml")
    }

    fn write_testkit(&self) -> std::io::Result<()> {
        let plugin = self.file("testkit");
        let about = plugin.join("ironic_testkit-1.0.dist-info");
        std::fs::create_dir_all(&about)?;
        std::fs::write(plugin.join("ironic_testkit.py"), TESTKIT)?;
        std::fs::write(about.join("entry_points.txt"), TESTKIT_ENTRY_POINTS)?;
        std::fs::write(about.join("METADATA"), TESTKIT_METADATA)?;
        std::fs::write(plugin.join("sitecustomize.py"), STARTUP)
    }

    fn write_genisoimage(&self, tools: &Tools) -> std::io::Result<()> {
        let program = self.file("bin").join("genisoimage");
        std::fs::create_dir_all(self.file("bin"))?;
        std::fs::write(
            &program,
            format!("#!{} -I\n{GENISOIMAGE}", tools.python("python").display()),
        )?;
        std::fs::set_permissions(&program, Permissions::from_mode(0o755))
    }

    async fn write_htpasswd(&self, tools: &Tools, user: &str, password: &str) -> Result<()> {
        let mut python = Command::new(tools.python("python"));
        let output = python
            .args(["-c", HTPASSWD_SCRIPT, user, password])
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "cannot hash a password: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        std::fs::write(self.file("htpasswd"), output.stdout).context("cannot write htpasswd")
    }

    /// JSON is YAML, with nothing to quote wrongly.
    fn clouds(&self) -> String {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let cloud = match &self.options.auth {
            IronicAuth::NoAuth => json!({"auth_type": "none", "baremetal_endpoint_override": endpoint}),
            IronicAuth::HttpBasic { user, password } => json!({
                "auth_type": "http_basic",
                "baremetal_endpoint_override": endpoint,
                "auth": {"endpoint": endpoint, "username": user, "password": password},
            }),
            IronicAuth::Keystone(access) => access.as_cloud(),
        };
        format!("{:#}\n", json!({"clouds": {CLOUD: cloud}}))
    }

    fn conf(&self) -> String {
        let directory = self.directory.display();
        let auth = match &self.options.auth {
            IronicAuth::NoAuth => "noauth",
            IronicAuth::HttpBasic { .. } => "http_basic",
            IronicAuth::Keystone(_) => "keystone",
        };
        let (host, port) = (conductor(&self.options.name, self.port), self.port);
        let kit = if self.options.testkit { ",testkit" } else { "" };
        let extra = &self.options.extra_conf;
        format!(
            "[DEFAULT]
auth_strategy = {auth}
http_basic_auth_user_file = {directory}/htpasswd
host = {host}
my_ip = 127.0.0.1
rpc_transport = none
state_path = {directory}/state
enabled_hardware_types = fake-hardware,redfish,manual-management
enabled_bios_interfaces = fake,no-bios,redfish
enabled_boot_interfaces = fake,redfish-virtual-media,ipxe,pxe
enabled_console_interfaces = fake,no-console
enabled_deploy_interfaces = fake,noop,direct,ramdisk,custom-agent{kit}
enabled_firmware_interfaces = fake,no-firmware,redfish
enabled_inspect_interfaces = fake,no-inspect,redfish,agent{kit}
enabled_management_interfaces = fake,noop,redfish{kit}
enabled_network_interfaces = noop
enabled_power_interfaces = fake,redfish,agent{kit}
enabled_raid_interfaces = fake,no-raid,agent,redfish
enabled_rescue_interfaces = fake,no-rescue{kit}
enabled_storage_interfaces = fake,noop
enabled_vendor_interfaces = fake,no-vendor,redfish{kit}
default_network_interface = noop
[api]
host_ip = 127.0.0.1
port = {port}
[conductor]
sync_power_state_interval = 60
heartbeat_timeout = {HEARTBEAT_TIMEOUT}
graceful_shutdown_timeout = 3
[database]
connection = sqlite:///{directory}/ironic.sqlite?timeout=60
sqlite_synchronous = False
[oslo_concurrency]
lock_path = {directory}/lock
[pxe]
tftp_root = {directory}/tftpboot
[deploy]
http_root = {directory}/httpboot
[redfish]
connection_attempts = 1
connection_retry_interval = 1
connect_timeout = 5
read_timeout = 10
[service_catalog]
auth_type = none
endpoint_override = http://127.0.0.1:{port}
{extra}
"
        )
    }
}
