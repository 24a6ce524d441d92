//! The part of a clouds.yaml that is for Keystone.
use super::entry::{Entry, Method};
use crate::ironic::client::{Credentials, Domain, Error, Keystone, Named, Result, Scope};

/// What would change who we are or what we may, and is not supported: better no session than another one.
const UNSUPPORTED: &[&str] = &["trust_id", "passcode", "auth_methods"];

/// Everything that Keystone is told.
pub(super) fn keystone(entry: &Entry<'_>, method: Method) -> Result<Keystone> {
    for key in UNSUPPORTED {
        if entry.either(key)?.is_some() {
            return Err(Error::settings(format!("auth.{key} is not supported")));
        }
    }
    let auth_url = need(entry, "auth_url")?;
    let credentials = match method {
        Method::Password => Credentials::Password {
            user: user(entry)?.ok_or_else(|| missing("username or auth.user_id"))?,
            password: entry.secret("password")?.ok_or_else(|| missing("password"))?,
        },
        Method::ApplicationCredential => application_credential(entry)?,
        Method::Token => Credentials::Token(entry.secret("token")?.ok_or_else(|| missing("token"))?),
    };
    Ok(Keystone {
        scope: scope(entry)?,
        region: entry.text("region_name")?,
        interface: entry.interface()?,
        service_type: entry.text("baremetal_service_type")?,
        service_name: entry.text("baremetal_service_name")?,
        ..Keystone::new(auth_url, credentials)
    })
}

fn missing(what: &str) -> Error {
    Error::settings(format!("auth.{what} is missing"))
}

fn need(entry: &Entry<'_>, key: &str) -> Result<String> {
    entry.either(key)?.ok_or_else(|| missing(key))
}

fn application_credential(entry: &Entry<'_>) -> Result<Credentials> {
    let secret = entry.secret("application_credential_secret")?;
    let secret = secret.ok_or_else(|| missing("application_credential_secret"))?;
    if let Some(id) = entry.either("application_credential_id")? {
        return Ok(Credentials::ApplicationCredential {
            id: Named::Id(id),
            user: None,
            secret,
        });
    }
    let name = entry.either("application_credential_name")?;
    let name = name.ok_or_else(|| missing("application_credential_id"))?;
    let user = user(entry)?.ok_or_else(|| {
        missing("username or auth.user_id (an application credential's name is its user's)")
    })?;
    Ok(Credentials::ApplicationCredential {
        id: Named::Name {
            name,
            // Its user's domain is what counts.
            domain: Domain::Id("default".to_owned()),
        },
        user: Some(user),
        secret,
    })
}

fn user(entry: &Entry<'_>) -> Result<Option<Named>> {
    named(entry, &["user_id"], &["username"], "user_domain")
}

fn scope(entry: &Entry<'_>) -> Result<Scope> {
    if let Some(scope) = entry.either("system_scope")? {
        return match scope.as_str() {
            "all" | "true" | "True" => Ok(Scope::System),
            _ => Err(Error::settings("auth.system_scope can only be all")),
        };
    }
    let project = named(
        entry,
        &["project_id", "tenant_id"],
        &["project_name", "tenant_name"],
        "project_domain",
    )?;
    if let Some(project) = project {
        return Ok(Scope::Project(project));
    }
    Ok(domain(entry, "domain")?.map_or(Scope::Unscoped, Scope::Domain))
}

/// Somebody or something by id, or by name in a domain.
fn named(entry: &Entry<'_>, ids: &[&str], names: &[&str], domain_key: &str) -> Result<Option<Named>> {
    if let Some(id) = first(entry, ids)? {
        return Ok(Some(Named::Id(id)));
    }
    let Some(name) = first(entry, names)? else {
        return Ok(None);
    };
    for key in [domain_key, "domain", "default_domain"] {
        if let Some(domain) = domain(entry, key)? {
            return Ok(Some(Named::Name { name, domain }));
        }
    }
    let name = names.first().copied().unwrap_or_default();
    Err(Error::settings(format!(
        "auth.{name} needs auth.{domain_key}_name or auth.{domain_key}_id"
    )))
}

fn first(entry: &Entry<'_>, keys: &[&str]) -> Result<Option<String>> {
    for key in keys {
        if let Some(text) = entry.either(key)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn domain(entry: &Entry<'_>, key: &str) -> Result<Option<Domain>> {
    if let Some(id) = entry.either(&format!("{key}_id"))? {
        return Ok(Some(Domain::Id(id)));
    }
    Ok(entry.either(&format!("{key}_name"))?.map(Domain::Name))
}
