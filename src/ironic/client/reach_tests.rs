//! Whom a client may talk to.
use super::*;

fn reach(entries: &[&str]) -> Reach {
    let entries: Vec<_> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    let apart = vec![
        "10.96.0.1:443".parse().unwrap(),
        "192.168.1.10:6443".parse().unwrap(),
    ];
    Reach::new(&entries, apart).unwrap()
}

fn may(reach: &Reach, url: &str) -> bool {
    reach.check(&url.parse().unwrap()).is_ok()
}

/// What becomes of a name that has these addresses.
fn found(reach: &Reach, url: &str, addresses: &[&str]) -> Option<Vec<String>> {
    let resolver = Resolver::new(reach.clone());
    let url: Url = url.parse().unwrap();
    resolver.check(&url).ok()?;
    let addresses = addresses
        .iter()
        .map(|address| SocketAddr::new(address.parse().unwrap(), 0));
    let permitted = resolver
        .permitted(url.host_str().unwrap(), addresses.collect())
        .ok()?;
    Some(permitted.iter().map(|address| address.ip().to_string()).collect())
}

#[test]
fn by_default_everything_is_reached_but_this_machine_its_link_and_the_apiserver() {
    let reach = reach(&[]);
    for url in [
        "http://10.0.0.1:6385",
        "https://[2001:db8::1]",
        "http://ironic.example",
        "http://192.168.1.10:6385",
        "https://192.168.1.10",
        "http://[fd00::1]",
    ] {
        assert!(may(&reach, url), "{url}");
    }
    for url in [
        "http://127.0.0.1:6385",
        "http://127.9.9.9",
        "http://2130706433",
        "http://0x7f.1",
        "http://0.0.0.0",
        "http://169.254.169.254/latest",
        "http://[::1]:6385",
        "http://[::]",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::169.254.169.254]",
        "https://10.96.0.1",
        "https://10.96.0.1:443",
        "https://192.168.1.10:6443",
        "http://224.0.0.1",
    ] {
        assert!(!may(&reach, url), "{url}");
    }
}

#[test]
fn a_name_is_judged_by_what_it_means_at_the_moment() {
    let reach = reach(&[]);
    let url = "http://ironic.example:6385";
    assert_eq!(found(&reach, url, &["10.0.0.1"]).unwrap(), ["10.0.0.1"]);
    for address in [
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1",
    ] {
        assert_eq!(found(&reach, url, &[address]), None, "{address}");
        assert_eq!(
            found(&reach, url, &[address, "10.0.0.1"]).unwrap(),
            ["10.0.0.1"],
            "{address}"
        );
    }
    assert_eq!(found(&reach, "https://kubernetes.default", &["10.96.0.1"]), None);
    assert_eq!(
        found(&reach, "http://kubernetes.default", &["10.96.0.1"])
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        found(&reach, url, &[]).unwrap().len(),
        0,
        "nobody is not forbidden"
    );
}

#[test]
fn what_is_listed_is_all_that_is_reached() {
    let networks = reach(&["127.0.0.0/8", "10.1.2.3", "2001:db8::/32"]);
    for (url, wanted) in [
        ("http://127.0.0.1:6385", true),
        ("http://127.255.255.255", true),
        ("http://10.1.2.3", true),
        ("http://10.1.2.4", false),
        ("http://[2001:db8:1::1]", true),
        ("http://[2001:db9::1]", false),
        ("http://[::ffff:127.0.0.1]", true),
        ("http://anything.example", true),
    ] {
        assert_eq!(may(&networks, url), wanted, "{url}");
    }
    assert_eq!(
        found(&networks, "http://localhost", &["127.0.0.1"])
            .unwrap()
            .len(),
        1
    );
    assert_eq!(found(&networks, "http://anything.example", &["10.0.0.1"]), None);
    let names = reach(&["*.metal.example", "ironic.example"]);
    for (host, wanted) in [
        ("ironic.example", true),
        ("IRONIC.example.", true),
        ("a.metal.example", true),
        ("a.b.metal.example", true),
        ("metal.example", false),
        ("xmetal.example", false),
        ("10.0.0.1", false),
    ] {
        assert_eq!(may(&names, &format!("http://{host}")), wanted, "{host}");
    }
    assert_eq!(
        found(&names, "http://ironic.example", &["10.0.0.1"])
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        found(&names, "http://ironic.example", &["127.0.0.1"]),
        None,
        "a name never leads home"
    );
    assert!(
        may(&reach(&["0.0.0.0/0"]), "http://169.254.169.254"),
        "said in so many words"
    );
    assert!(may(&Reach::everything(), "http://127.0.0.1"));
}

/// The environment has chosen a proxy; the requests that go by way of it are judged by their own address.
#[test]
fn the_name_of_a_proxy_is_nobody_elses_business() {
    let resolver = Resolver::new(reach(&[]));
    let home = vec!["127.0.0.1:0".parse().unwrap()];
    assert_eq!(resolver.permitted("proxy.example", home.clone()), Ok(home));
}

#[test]
fn an_entry_that_means_nothing_is_refused() {
    for entry in [
        "",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/x",
        "a b",
        "*",
        "*example",
        "http://x",
        "a/8",
        ".",
    ] {
        let entries = [entry.to_owned()];
        assert!(Reach::new(&entries, vec![]).is_err(), "{entry:?}");
    }
}
