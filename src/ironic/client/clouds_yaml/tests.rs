//! What is understood, and what is refused with words.
use secrecy::ExposeSecret;

use super::*;
use crate::ironic::client::{Auth, Credentials, Domain, Interface, Keystone, Named, Scope};
use crate::ironic::model::ApiVersion;

fn settings(text: &str) -> Result<Settings> {
    CloudsYaml::new(text).settings("lab", None)
}

fn keystone(text: &str) -> (Settings, Keystone) {
    let settings = settings(text).unwrap();
    let Auth::Keystone(keystone) = settings.auth.clone() else {
        panic!("no Keystone")
    };
    (settings, *keystone)
}

fn problem(text: &str) -> String {
    settings(text).unwrap_err().to_string()
}

fn by_name(name: &str, domain: Domain) -> Named {
    Named::Name {
        name: name.to_owned(),
        domain,
    }
}

#[test]
fn both_kinds_of_standalone_ironic_are_read() {
    let none =
        settings("clouds: {lab: {auth_type: none, baremetal_endpoint_override: 'http://i:6385'}}").unwrap();
    assert!(matches!(none.auth, Auth::None));
    assert_eq!(none.endpoint.as_deref(), Some("http://i:6385"));
    let text = "clouds:\n  lab:\n    auth_type: http_basic\n    verify: false\n    auth: {endpoint: 'http://i', username: u, password: '1234'}\n";
    let basic = settings(text).unwrap();
    assert!(basic.insecure);
    let Auth::HttpBasic { username, password } = basic.auth else {
        panic!("not basic")
    };
    assert_eq!((username.as_str(), password.expose_secret()), ("u", "1234"));
}

#[test]
fn a_password_with_its_scope_is_read() {
    let text = "clouds: {lab: {region_name: one, interface: internalURL, api_timeout: 7, baremetal_default_microversion: '1.90',
        auth: {auth_url: 'http://k', username: me, user_domain_name: Users, password: pw, project_name: metal, project-domain-id: default}}}";
    let (settings, keystone) = keystone(text);
    assert_eq!(settings.endpoint, None);
    assert_eq!(settings.deadline.as_secs(), 7);
    assert_eq!(settings.api_version, Some(ApiVersion::v1(90)));
    assert_eq!(
        (keystone.auth_url.as_str(), keystone.region.as_deref()),
        ("http://k", Some("one"))
    );
    assert_eq!(keystone.interface, Interface::Internal);
    let project = by_name("metal", Domain::Id("default".to_owned()));
    assert_eq!(keystone.scope, Scope::Project(project));
    let Credentials::Password { user, password } = keystone.credentials else {
        panic!("no password")
    };
    assert_eq!(user, by_name("me", Domain::Name("Users".to_owned())));
    assert_eq!(password.expose_secret(), "pw");
}

#[test]
fn every_scope_is_read() {
    let scope = |auth: &str| {
        keystone(&format!(
            "clouds: {{lab: {{auth: {{auth_url: 'http://k', user_id: u, password: p, {auth}}}}}}}"
        ))
        .1
        .scope
    };
    let project = || Scope::Project(Named::Id("p".to_owned()));
    assert_eq!(scope("system_scope: all"), Scope::System);
    assert_eq!(scope("project_id: p"), project());
    assert_eq!(scope("tenant_id: p"), project());
    assert_eq!(
        scope("domain_name: d"),
        Scope::Domain(Domain::Name("d".to_owned()))
    );
    assert_eq!(scope("default_domain_id: d"), Scope::Unscoped);
    let shared = by_name("metal", Domain::Id("d".to_owned()));
    assert_eq!(scope("project_name: metal, domain_id: d"), Scope::Project(shared));
}

#[test]
fn the_other_credentials_are_read() {
    let text = "clouds: {lab: {auth_type: v3applicationcredential, baremetal_endpoint_override: 'http://i',
        auth: {auth_url: 'http://k', application_credential_id: a, application_credential_secret: s, project_id: p}}}";
    let (settings, credential) = keystone(text);
    assert_eq!(settings.endpoint.as_deref(), Some("http://i"));
    assert!(matches!(
        credential.credentials,
        Credentials::ApplicationCredential { id: Named::Id(id), user: None, .. } if id == "a"
    ));
    let by_name = "clouds: {lab: {auth_type: v3applicationcredential,
        auth: {auth_url: 'http://k', application_credential_name: a, application_credential_secret: s, user_id: u}}}";
    assert!(matches!(
        keystone(by_name).1.credentials,
        Credentials::ApplicationCredential { user: Some(Named::Id(user)), .. } if user == "u"
    ));
    for kind in ["auth_type: token, ", "auth_type: v3token, ", ""] {
        let text =
            format!("clouds: {{lab: {{{kind}auth: {{auth_url: 'http://k', token: t, system_scope: all}}}}}}");
        let token = keystone(&text).1;
        assert!(matches!(token.credentials, Credentials::Token(token) if token.expose_secret() == "t"));
    }
}

#[test]
fn secure_yaml_profiles_and_regions_are_laid_over_each_other() {
    let clouds = "clouds: {lab: {profile: base, regions: [one, {name: two, values: {interface: admin, auth: {project_id: second}}}],
        auth: {user_id: u, project_id: first}}}";
    let texts = CloudsYaml {
        secure: Some("clouds: {lab: {auth: {password: hunter2}}}"),
        public: Some(
            "public-clouds: {base: {interface: internal, auth: {auth_url: 'http://k', project_id: none}}}",
        ),
        ..CloudsYaml::new(clouds)
    };
    let read = |region| match texts.settings("lab", region).unwrap().auth {
        Auth::Keystone(keystone) => *keystone,
        other => panic!("{other:?}"),
    };
    let (one, two) = (read(None), read(Some("two")));
    assert_eq!(
        (one.region.as_deref(), one.interface),
        (Some("one"), Interface::Internal)
    );
    assert_eq!(one.scope, Scope::Project(Named::Id("first".to_owned())));
    assert_eq!(one.auth_url, "http://k");
    assert!(
        matches!(&one.credentials, Credentials::Password { password, .. } if password.expose_secret() == "hunter2")
    );
    assert_eq!(
        (two.region.as_deref(), two.interface),
        (Some("two"), Interface::Admin)
    );
    assert_eq!(two.scope, Scope::Project(Named::Id("second".to_owned())));
    let unknown = texts.settings("lab", Some("three")).unwrap_err().to_string();
    assert!(unknown.contains("one, two"), "{unknown}");
}

#[test]
fn certificates_are_in_the_text_or_in_files_that_are_offered() {
    let text = "clouds: {lab: {auth_type: none, auth: {endpoint: 'http://i'}, cacert: ca.pem, cert: '-----BEGIN A', key: k.pem}}";
    let files = |name: &str| match name {
        "ca.pem" => Some(SecretString::from("the CA")),
        "k.pem" => Some(SecretString::from("the key")),
        _ => None,
    };
    let read = CloudsYaml {
        files: &files,
        ..CloudsYaml::new(text)
    };
    let read = read.settings("lab", None).unwrap();
    assert_eq!(read.ca_certificate_pem.unwrap(), b"the CA");
    assert_eq!(
        read.client_certificate_pem.unwrap().expose_secret(),
        "-----BEGIN A\nthe key"
    );
    assert!(problem(text).contains("cacert names a file that is not there"));
}

#[test]
fn what_is_wrong_is_said_without_quoting_the_file() {
    assert!(problem("hunter2: [").contains("not a clouds.yaml"));
    assert!(!problem("hunter2: [").contains("hunter2"));
    assert!(problem("clouds: {other: {}}").contains("it has other"));
    let in_lab = |text: &str| problem(&format!("clouds: {{lab: {{{text}}}}}"));
    assert!(in_lab("auth_type: none").contains("no endpoint"));
    assert!(in_lab("auth_type: v3oidc, auth: {endpoint: x}").contains("v3oidc"));
    assert!(in_lab("auth_type: none, cacert: /etc/passwd, auth: {endpoint: x}").contains("file"));
    assert!(in_lab("auth_type: http_basic, auth: {endpoint: x}").contains("needs auth.username"));
    assert!(in_lab("auth: {}").contains("auth.auth_url is missing"));
    let with = |auth: &str| in_lab(&format!("auth: {{auth_url: 'http://k', {auth}}}"));
    assert!(with("username: u, password: p").contains("user_domain"));
    assert!(with("user_id: u").contains("auth.password is missing"));
    assert!(with("user_id: u, password: 0815").contains("auth.password is not a text"));
    assert!(with("user_id: u, password: p, trust_id: t").contains("trust_id is not supported"));
    assert!(with("user_id: u, password: p, system_scope: some").contains("only be all"));
    assert!(in_lab("profile: vexxhost").contains("profile"));
    assert!(
        in_lab("interface: secret, auth: {auth_url: 'http://k', user_id: u, password: p}")
            .contains("interface")
    );
}

/// Variables of a process.
fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Surroundings {
        variables: variables.iter().map(owned).collect(),
        directories: Vec::new(),
    }
}

#[test]
fn variables_alone_are_a_cloud() {
    let process = surroundings(&[
        ("OS_AUTH_URL", "http://k"),
        ("OS_USERNAME", "me"),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PASSWORD", "pw"),
        ("OS_SYSTEM_SCOPE", "all"),
        ("OS_REGION_NAME", "one"),
        ("OS_INSECURE", "true"),
        ("OS_BAREMETAL_API_VERSION", "1.80"),
    ]);
    let settings = process.settings(None).unwrap();
    assert!(settings.insecure);
    assert_eq!(settings.api_version, Some(ApiVersion::v1(80)));
    let Auth::Keystone(keystone) = settings.auth else {
        panic!("no Keystone")
    };
    assert_eq!(
        (keystone.scope, keystone.region.as_deref()),
        (Scope::System, Some("one"))
    );
    let none = surroundings(&[("OS_AUTH_TYPE", "none"), ("OS_ENDPOINT", "http://i")]);
    assert_eq!(none.settings(None).unwrap().endpoint.as_deref(), Some("http://i"));
    assert!(surroundings(&[]).settings(None).is_err());
}

#[test]
fn files_are_found_where_variables_and_directories_say() {
    let directory = std::env::temp_dir().join(format!("ironwright-clouds-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&directory).unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = write("ca.pem", "the CA");
    let two = format!(
        "clouds: {{a: {{auth_type: none, cacert: {ca}, auth: {{endpoint: 'http://a'}}}}, b: {{auth_type: none}}}}"
    );
    let file = write("clouds.yaml", &two);
    write("secure.yaml", "clouds: {b: {auth: {endpoint: 'http://b'}}}");
    let mut process = surroundings(&[("OS_CLOUD", "b")]);
    process.directories = vec![directory.clone()];
    let endpoint = |process: &Surroundings, cloud| process.settings(cloud).unwrap().endpoint.unwrap();
    assert_eq!(endpoint(&process, None), "http://b");
    let a = process.settings(Some("a")).unwrap();
    assert_eq!(a.ca_certificate_pem.unwrap(), b"the CA");
    process.variables.clear();
    let several = process.settings(None).unwrap_err().to_string();
    assert!(several.contains("several clouds"), "{several}");
    let named = surroundings(&[("OS_CLIENT_CONFIG_FILE", &file)]);
    assert_eq!(endpoint(&named, Some("a")), "http://a");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn of_a_text_that_is_no_yaml_the_line_is_told_and_never_the_text() {
    let text = "clouds:\n  lab:\n    auth: {password: hunter2\n  other: }}: [\n";
    let said = problem(text);
    assert!(said.contains("makes no sense from line"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
