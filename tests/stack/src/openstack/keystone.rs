//! A real Keystone, on SQLite.

use std::path::Path;

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{OpenStackTools, READY_LIMIT, serve};
use crate::ports::{self, Port};
use crate::tools::openstack::{ADMIN, keystone_conf};
use crate::wait::until;
use crate::{Process, Run, http_client};

/// The region of what the launcher starts.
pub(super) const REGION: &str = "RegionOne";
/// One request after the other. Keystone keeps the token of the request that it answers in its one middleware
/// (`AuthContextMiddleware.token`), so that of two requests under way at once the first may go on with the second one's
/// token: an application credential of a user was refused ("Could not find role assignment") for lack of the roles of
/// Ironic's user, whose token Keystone had just looked at.
const THREADS: usize = 1;
/// Every service is offered on all of them.
const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

/// How to reach a Keystone and who is known there.
#[derive(Clone, Debug)]
pub struct KeystoneAccess {
    /// Such as `http://127.0.0.1:23456/v3`.
    pub auth_url: String,
    /// A token of the administrator with system scope; good for an hour.
    pub token: String,
}

impl KeystoneAccess {
    /// The password of a user of this cloud.
    pub fn password_of(&self, user: &str) -> String {
        if user == ADMIN.0 {
            ADMIN.1.to_owned()
        } else {
            format!("{user}-of-the-test-stack")
        }
    }

    /// The entry of a clouds.yaml for the administrator with system scope.
    pub fn as_cloud(&self) -> Value {
        json!({"region_name": REGION, "auth": {
            "auth_url": self.auth_url, "username": ADMIN.0, "password": ADMIN.1,
            "user_domain_id": "default", "system_scope": "all",
        }})
    }

    /// A section of a service's settings: how it asks Keystone, as its user in the project `service`.
    pub(super) fn service_conf(&self, section: &str, user: &str) -> String {
        let (url, password) = (&self.auth_url, self.password_of(user));
        format!(
            "[{section}]
auth_type = password
auth_url = {url}
www_authenticate_uri = {url}
username = {user}
password = {password}
project_name = service
user_domain_id = default
project_domain_id = default
region_name = {REGION}
"
        )
    }
}

/// A running Keystone. Dropping it stops it.
#[derive(Debug)]
pub struct Keystone {
    access: KeystoneAccess,
    port: Port,
    process: Process,
}

impl Keystone {
    /// Starts one with the users that [`crate::openstack`] lists.
    pub async fn start(tools: &OpenStackTools, run: &Run, name: &str) -> Result<Self> {
        let directory = run.data(name)?;
        copy_template(&tools.empty_keystone(), &directory).context("cannot copy Keystone's database")?;
        let settings = directory.join("keystone.conf");
        std::fs::write(&settings, keystone_conf(&directory)).context("cannot write keystone.conf")?;
        let port = Port::reserve()?;
        let process = serve(
            tools,
            (name, "keystone.wsgi.api"),
            port.number(),
            THREADS,
            &run.log(name),
        )
        .env("OS_KEYSTONE_CONFIG_FILES", &settings)
        .start()?;
        let mut keystone = Self {
            access: KeystoneAccess {
                auth_url: format!("http://127.0.0.1:{}/v3", port.number()),
                token: String::new(),
            },
            port,
            process,
        };
        keystone.ready().await?;
        let (user, password) = ADMIN;
        keystone.access.token = keystone
            .token(user, password, &json!({"system": {"all": true}}))
            .await?;
        keystone.populate().await.context("cannot fill Keystone")?;
        Ok(keystone)
    }

    /// Its URL without a path, such as `http://127.0.0.1:23456`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// How to reach it.
    pub fn access(&self) -> &KeystoneAccess {
        &self.access
    }

    /// The process, to pause or resume it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A token for a user of the domain `Default`, with this `scope` as the API has it.
    pub async fn token(&self, user: &str, password: &str, scope: &Value) -> Result<String> {
        let user = json!({"name": user, "domain": {"id": "default"}, "password": password});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let request = http_client()?
            .post(format!("{}/auth/tokens", self.access.auth_url))
            .json(&json!({"auth": {"identity": identity, "scope": scope}}));
        let answer = request.timeout(READY_LIMIT).send().await?;
        let token = answer.headers().get("x-subject-token").cloned();
        match token {
            Some(token) => Ok(token.to_str()?.to_owned()),
            None => bail!("Keystone gave no token: {}", answer.text().await?),
        }
    }

    /// A token of a user for the project `metal`.
    pub async fn token_in_metal(&self, user: &str) -> Result<String> {
        let scope = json!({"project": {"name": "metal", "domain": {"id": "default"}}});
        self.token(user, &self.access.password_of(user), &scope).await
    }

    /// Makes a request as the administrator; an answer that says no is an error.
    pub async fn request(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.request_as(&self.access.token, method, path, body).await
    }

    /// The same with somebody else's token.
    pub async fn request_as(&self, token: &str, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.access.auth_url);
        let request = http_client()?.request(method, url).header("X-Auth-Token", token);
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        answer(request).await.with_context(|| path.to_owned())
    }

    /// From now on the token is not valid.
    pub async fn revoke(&self, token: &str) -> Result<()> {
        let request = http_client()?
            .delete(format!("{}/auth/tokens", self.access.auth_url))
            .header("X-Auth-Token", &self.access.token)
            .header("X-Subject-Token", token);
        answer(request).await.map(drop)
    }

    /// Offers a service in a region, on all three interfaces.
    pub async fn register(&self, kind: &str, region: &str, url: &str) -> Result<()> {
        self.offer(kind, region, &INTERFACES.map(|interface| (interface, url)))
            .await
    }

    /// Offers a service in a region: interfaces (`public`, `internal`, `admin`) with their URLs.
    pub async fn offer(&self, kind: &str, region: &str, urls: &[(&str, &str)]) -> Result<()> {
        let service = self.find_or_create("services", "type", kind, json!({})).await?;
        // There already: what is asked for.
        let _known = self
            .request(Method::POST, "/regions", &json!({"region": {"id": region}}))
            .await;
        for (interface, url) in urls {
            let endpoint = json!({"endpoint": {
                "service_id": service, "region_id": region, "interface": interface, "url": url,
            }});
            self.request(Method::POST, "/endpoints", &endpoint).await?;
        }
        Ok(())
    }

    /// A new user of the domain `Default` with one role in the project `metal`; its id.
    pub async fn create_user(&self, name: &str, password: &str, role: &str) -> Result<String> {
        let user = json!({"user": {"name": name, "domain_id": "default", "password": password}});
        let user = id_of(&self.request(Method::POST, "/users", &user).await?, "/user/id")?;
        let project = self
            .find("projects", "name", "metal")
            .await?
            .context("no project metal")?;
        self.grant(&project, &user, role).await?;
        Ok(user)
    }

    /// The id of a user.
    pub async fn user_id(&self, name: &str) -> Result<String> {
        let found = self.find("users", "name", name).await?;
        found.with_context(|| format!("no user {name}"))
    }

    async fn populate(&self) -> Result<()> {
        let project = |name| self.find_or_create("projects", "name", name, json!({"domain_id": "default"}));
        let (service, metal) = (project("service").await?, project("metal").await?);
        let users = [
            ("ironic", &service, &["admin", "service"][..]),
            ("neutron", &service, &["admin", "service"]),
            ("operator", &metal, &["admin"]),
            ("member", &metal, &["member"]),
            ("reader", &metal, &["reader"]),
        ];
        for (name, project, roles) in users {
            let more = json!({"domain_id": "default", "password": self.access.password_of(name)});
            let user = self.find_or_create("users", "name", name, more).await?;
            for role in roles {
                self.grant(project, &user, role).await?;
            }
        }
        // What checks tokens for a service looks for Keystone in the catalog.
        let url = self.access.auth_url.clone();
        self.register("identity", REGION, &url).await
    }

    async fn grant(&self, project: &str, user: &str, role: &str) -> Result<()> {
        let role = self
            .find("roles", "name", role)
            .await?
            .with_context(|| format!("no role {role}"))?;
        let path = format!("/projects/{project}/users/{user}/roles/{role}");
        self.request(Method::PUT, &path, &Value::Null).await.map(drop)
    }

    async fn find(&self, kind: &str, key: &str, value: &str) -> Result<Option<String>> {
        let found = self
            .request(Method::GET, &format!("/{kind}?{key}={value}"), &Value::Null)
            .await?;
        let id = found.pointer(&format!("/{kind}/0/id")).and_then(Value::as_str);
        Ok(id.map(ToOwned::to_owned))
    }

    async fn find_or_create(&self, kind: &str, key: &str, value: &str, mut more: Value) -> Result<String> {
        if let Some(id) = self.find(kind, key, value).await? {
            return Ok(id);
        }
        let one = kind.trim_end_matches('s');
        if let Some(object) = more.as_object_mut() {
            object.insert(key.to_owned(), json!(value));
            object.entry("name").or_insert_with(|| json!(value));
        }
        let made = self
            .request(Method::POST, &format!("/{kind}"), &json!({one: more}))
            .await?;
        id_of(&made, &format!("/{one}/id"))
    }

    async fn ready(&self) -> Result<()> {
        let answers = async || {
            self.process.ensure_alive()?;
            let answer = http_client()?.get(&self.access.auth_url).send().await;
            Ok(answer
                .is_ok_and(|answer| answer.status().is_success())
                .then_some(()))
        };
        until("Keystone", READY_LIMIT, answers)
            .await
            .with_context(|| self.process.log_tail(20))?;
        ports::prove_owner(self.port.number(), self.process.pid())
    }
}

fn copy_template(template: &Path, directory: &Path) -> std::io::Result<()> {
    std::fs::copy(
        template.join("keystone.sqlite"),
        directory.join("keystone.sqlite"),
    )?;
    std::fs::create_dir(directory.join("fernet"))?;
    for key in std::fs::read_dir(template.join("fernet"))? {
        let key = key?;
        std::fs::copy(key.path(), directory.join("fernet").join(key.file_name()))?;
    }
    Ok(())
}

fn id_of(answer: &Value, pointer: &str) -> Result<String> {
    let id = answer.pointer(pointer).and_then(Value::as_str);
    Ok(id.context("Keystone told no id")?.to_owned())
}

/// The body of a good answer, null without one; any other is an error with its words.
pub(super) async fn answer(request: RequestBuilder) -> Result<Value> {
    let answer = request.timeout(READY_LIMIT).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    match text.as_str() {
        "" => Ok(Value::Null),
        text => serde_json::from_str(text).context("not JSON"),
    }
}
