//! What there is to tell Keystone (identity API v3): credentials, a scope, and which of its catalog's endpoints is meant.
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// A session by way of Keystone.
#[derive(Clone)]
pub struct Keystone {
    /// Where it is, with or without `/v3`.
    pub auth_url: String,
    /// Who is asking.
    pub credentials: Credentials,
    /// As part of what. Application credentials bring their own: with them it is not sent.
    pub scope: Scope,
    /// The region of the catalog; needed when Ironic is in several.
    pub region: Option<String>,
    /// Which of Ironic's addresses.
    pub interface: Interface,
    /// The catalog's type of service; none: `baremetal`, or its alias `bare-metal`.
    pub service_type: Option<String>,
    /// The catalog's name of the service, when there are several.
    pub service_name: Option<String>,
    /// After so many refused credentials in a row Keystone is not asked again ([`AuthError::Spent`](super::AuthError)), because
    /// it can be set up to lock accounts; none: as often as there is something to do.
    pub tries: Option<u32>,
    /// How many of these tries were used up before this client was made.
    pub used_tries: u32,
}

impl Keystone {
    /// Not scoped, public interface, any region.
    pub fn new(auth_url: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            auth_url: auth_url.into(),
            credentials,
            scope: Scope::Unscoped,
            region: None,
            interface: Interface::Public,
            service_type: None,
            service_name: None,
            tries: None,
            used_tries: 0,
        }
    }

    /// The body of the request for a token.
    pub(super) fn request(&self) -> Value {
        let mut auth = json!({"identity": self.credentials.identity()});
        let brings_its_own = matches!(self.credentials, Credentials::ApplicationCredential { .. });
        let scope = self.scope.to_json().filter(|_| !brings_its_own);
        if let (Some(scope), Some(auth)) = (scope, auth.as_object_mut()) {
            auth.insert("scope".to_owned(), scope);
        }
        json!({"auth": auth})
    }
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone")
            .field("auth_url", &self.auth_url)
            .field("credentials", &self.credentials)
            .field("scope", &self.scope)
            .field("region", &self.region)
            .field("interface", &self.interface)
            .finish_non_exhaustive()
    }
}

/// A domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

impl Domain {
    fn to_json(&self) -> Value {
        match self {
            Self::Id(id) => json!({"id": id}),
            Self::Name(name) => json!({"name": name}),
        }
    }
}

/// A user or a project. Names are unique within a domain only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Named {
    /// By id.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// Its domain.
        domain: Domain,
    },
}

impl Named {
    fn to_json(&self) -> Value {
        match self {
            Self::Id(id) => json!({"id": id}),
            Self::Name { name, domain } => json!({"name": name, "domain": domain.to_json()}),
        }
    }
}

/// What the token is good for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// Keystone's choice: the user's default project, or nothing at all.
    #[default]
    Unscoped,
    /// A project. Ironic shows it the nodes that the project owns or leases; drivers and chassis it does not.
    Project(Named),
    /// A domain.
    Domain(Domain),
    /// The whole cloud (`system_scope: all`).
    System,
}

impl Scope {
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Unscoped => None,
            Self::Project(project) => Some(json!({"project": project.to_json()})),
            Self::Domain(domain) => Some(json!({"domain": domain.to_json()})),
            Self::System => Some(json!({"system": {"all": true}})),
        }
    }
}

/// Which of a service's addresses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For other services.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// As the catalog has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// Who is asking.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// A user with a password (`password`, `v3password`).
    Password {
        /// The user.
        user: Named,
        /// The password.
        password: SecretString,
    },
    /// Something made for a program, in one project of one user (`v3applicationcredential`).
    ApplicationCredential {
        /// Its id, or its name.
        id: Named,
        /// Whose it is; needed with a name only.
        user: Option<Named>,
        /// Its secret.
        secret: SecretString,
    },
    /// A token from elsewhere (`token`, `v3token`): good until it expires, which no renewal changes.
    Token(SecretString),
}

impl Credentials {
    fn identity(&self) -> Value {
        match self {
            Self::Password { user, password } => {
                let mut user = user.to_json();
                if let Some(user) = user.as_object_mut() {
                    user.insert("password".to_owned(), json!(password.expose_secret()));
                }
                json!({"methods": ["password"], "password": {"user": user}})
            }
            Self::ApplicationCredential { id, user, secret } => {
                let mut credential = match id {
                    Named::Id(id) => json!({"id": id}),
                    Named::Name { name, .. } => json!({"name": name}),
                };
                if let Some(credential) = credential.as_object_mut() {
                    credential.insert("secret".to_owned(), json!(secret.expose_secret()));
                    credential.extend(user.as_ref().map(|user| ("user".to_owned(), user.to_json())));
                }
                json!({"methods": ["application_credential"], "application_credential": credential})
            }
            Self::Token(token) => json!({"methods": ["token"], "token": {"id": token.expose_secret()}}),
        }
    }

    /// What must not be shown.
    pub const fn secret(&self) -> &SecretString {
        match self {
            Self::Password { password, .. } => password,
            Self::ApplicationCredential { secret, .. } => secret,
            Self::Token(token) => token,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user:?})"),
            Self::ApplicationCredential { id, .. } => write!(f, "ApplicationCredential({id:?})"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(credentials: Credentials, scope: Scope) -> Value {
        Keystone {
            scope,
            ..Keystone::new("http://k", credentials)
        }
        .request()
    }

    fn metal() -> Named {
        Named::Name {
            name: "metal".to_owned(),
            domain: Domain::Name("Default".to_owned()),
        }
    }

    #[test]
    fn what_is_asked_has_the_credentials_and_the_scope() {
        let password = Credentials::Password {
            user: Named::Name {
                name: "me".to_owned(),
                domain: Domain::Id("default".to_owned()),
            },
            password: "pw".into(),
        };
        let user = json!({"name": "me", "domain": {"id": "default"}, "password": "pw"});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let with = |scope: Value| json!({"auth": {"identity": identity, "scope": scope}});
        assert_eq!(
            request(password.clone(), Scope::System),
            with(json!({"system": {"all": true}}))
        );
        let project = json!({"project": {"name": "metal", "domain": {"name": "Default"}}});
        assert_eq!(request(password.clone(), Scope::Project(metal())), with(project));
        let domain = Scope::Domain(Domain::Id("d".to_owned()));
        assert_eq!(
            request(password.clone(), domain),
            with(json!({"domain": {"id": "d"}}))
        );
        assert_eq!(
            request(password, Scope::Unscoped),
            json!({"auth": {"identity": identity}})
        );
        let token = json!({"methods": ["token"], "token": {"id": "t"}});
        assert_eq!(
            request(Credentials::Token("t".into()), Scope::Unscoped),
            json!({"auth": {"identity": token}})
        );
    }

    #[test]
    fn an_application_credential_never_asks_for_a_scope() {
        let by_name = Credentials::ApplicationCredential {
            id: metal(),
            user: Some(Named::Id("u".to_owned())),
            secret: "s".into(),
        };
        let credential = json!({"name": "metal", "secret": "s", "user": {"id": "u"}});
        let identity = json!({"methods": ["application_credential"], "application_credential": credential});
        assert_eq!(
            request(by_name, Scope::Project(metal())),
            json!({"auth": {"identity": identity}})
        );
    }

    #[test]
    fn debugging_shows_no_secret() {
        let token = Keystone::new("http://k", Credentials::Token("hunter2".into()));
        assert!(!format!("{token:?}").contains("hunter2"));
    }
}
