//! Which config drives are sent, and which are not.
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::ironic::client::{ConfigDrive, Error};
use crate::ironic::configdrive::{Content, LARGEST_IMAGE};

fn gzip(size: u64) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![0; 64 * 1024];
    for at in (0..size).step_by(piece.len()) {
        let left = usize::try_from(size - at).unwrap();
        gzip.write_all(&piece[..left.min(piece.len())]).unwrap();
    }
    gzip.finish().unwrap()
}

/// What is wrong with it, if anything.
fn refusal(text: String) -> Option<String> {
    match ConfigDrive::Text(text).json() {
        Ok(_) => None,
        Err(Error::Argument { problem }) => Some(problem),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_built_here_is_sent_as_it_is() {
    let content = Content {
        user_data: b"\xff\x00".to_vec(),
        ..Content::default()
    };
    let drive = ConfigDrive::build(&content).unwrap();
    let sent = drive.json().unwrap();
    assert_eq!(ConfigDrive::Text(sent.as_str().unwrap().to_owned()), drive);
    assert_eq!(drive.needs(), None);
}

#[test]
fn a_drive_that_cannot_be_built_says_why() {
    let content = Content {
        versions: vec!["a:b".into()],
        ..Content::default()
    };
    let error = ConfigDrive::build(&content).unwrap_err();
    assert!(matches!(error, Error::Argument { .. }));
    let words = error.to_string();
    assert!(
        words.contains("openstack/a:b/meta_data.json") && words.contains("* : ;"),
        "{words}"
    );
}

#[test]
fn white_space_in_base64_does_no_harm() {
    let packed = STANDARD.encode(gzip(100));
    let lines: Vec<_> = packed
        .as_bytes()
        .chunks(7)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    assert_eq!(refusal(lines.join("\r\n ")), None);
    assert_eq!(refusal(format!("\t{packed}\n")), None);
}

#[test]
fn what_the_ramdisk_would_refuse_is_not_sent() {
    assert_eq!(refusal(STANDARD.encode(gzip(LARGEST_IMAGE))), None);
    let large = refusal(STANDARD.encode(gzip(LARGEST_IMAGE + 1))).unwrap();
    assert!(large.contains("larger than the 64 MiB"), "{large}");
    let mut cut = gzip(100_000);
    cut.truncate(cut.len() - 9);
    for text in [
        STANDARD.encode("no gzip"),
        STANDARD.encode(cut),
        "AAA".to_owned(),
        "==".to_owned(),
    ] {
        let problem = refusal(text.clone()).unwrap();
        assert!(
            problem.contains("not base64 of a gzipped image"),
            "{text}: {problem}"
        );
    }
    for text in ["neither?", "", " "] {
        let problem = refusal(text.to_owned()).unwrap();
        assert!(problem.contains("neither base64 nor a URL"), "{text}: {problem}");
    }
}

#[test]
fn what_the_api_would_refuse_is_not_sent() {
    let huge = refusal("A".repeat(64 * 1024 * 1024 + 1)).unwrap();
    assert!(huge.contains("64 MiB that Ironic takes"), "{huge}");
}
