//! What can be told without a reader; the images themselves are read by others in `tests/it/configdrive.rs`.
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::{
    Content, Error, LARGEST_IMAGE, Object, Tree, TreeError, build, json, pack, populate, write_image,
};

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

fn content() -> Content {
    Content {
        meta_data: object(json!({"uuid": "u", "name": "n"})),
        user_data: b"#!/bin/sh\n".to_vec(),
        ..Content::default()
    }
}

fn image(tree: &Tree) -> Vec<u8> {
    let mut image = Vec::new();
    let size = write_image(tree, &mut image).unwrap();
    assert_eq!(size, image.len() as u64);
    image
}

#[test]
fn what_is_empty_is_left_out() {
    let tree = populate(&Content::default()).unwrap();
    let expected = [
        "openstack/2012-08-10/meta_data.json",
        "openstack/latest/meta_data.json",
    ];
    assert_eq!(tree.paths(), expected);
    assert_eq!(tree.get(expected[0]), Some(b"{}".as_slice()));
}

#[test]
fn every_part_has_its_file_in_every_version() {
    let tree = populate(&Content {
        network_data: object(json!({"links": []})),
        vendor_data: object(json!({"a": 1})),
        versions: vec!["2018-08-27".into(), "2018-08-27".into()],
        ..content()
    })
    .unwrap();
    let files = [
        ("meta_data.json", r#"{"name": "n", "uuid": "u"}"#),
        ("network_data.json", r#"{"links": []}"#),
        ("user_data", "#!/bin/sh\n"),
        ("vendor_data2.json", r#"{"a": 1}"#),
    ];
    assert_eq!(tree.paths().len(), files.len());
    for (name, text) in files {
        let found = tree.get(&format!("openstack/2018-08-27/{name}"));
        assert_eq!(found, Some(text.as_bytes()), "{name}");
    }
}

#[test]
fn json_is_written_as_python_does() {
    let text = |value: Value| String::from_utf8(json::bytes(&object(json!({"v": value})))).unwrap();
    for (value, expected) in [
        (
            json!([1, {"a": null, "b": [true, []]}]),
            r#"{"v": [1, {"a": null, "b": [true, []]}]}"#,
        ),
        (
            json!("ü€😀\u{7f}\u{1}\"\\\n/"),
            r#"{"v": "\u00fc\u20ac\ud83d\ude00\u007f\u0001\"\\\n/"}"#,
        ),
        (
            json!([1e16, 1e15, 1.5e-7, 1e-4, -0.0, 1e300]),
            r#"{"v": [1e+16, 1000000000000000.0, 1.5e-07, 0.0001, -0.0, 1e+300]}"#,
        ),
        (json!(u64::MAX), r#"{"v": 18446744073709551615}"#),
    ] {
        assert_eq!(text(value), expected);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(build(&content()).unwrap(), build(&content()).unwrap());
    let (mut one, mut other) = (Tree::default(), Tree::default());
    one.file("b", "1").unwrap();
    one.file("a/c", "2").unwrap();
    other.file("a/c", "2").unwrap();
    other.file("b", "1").unwrap();
    assert_eq!(image(&one), image(&other));
}

#[test]
fn a_packed_drive_is_base64_of_gzip_of_the_image() {
    let tree = populate(&content()).unwrap();
    let packed = STANDARD.decode(pack(&tree).unwrap()).unwrap();
    // No time, no name, no system: nothing that differs from one run to the next.
    assert_eq!(packed[..4], [0x1F, 0x8B, 8, 0]);
    assert_eq!(packed[4..8], [0; 4]);
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert!(unpacked == image(&tree));
}

#[test]
fn an_image_says_what_it_is() {
    let image = image(&populate(&content()).unwrap());
    assert_eq!(image.len() % 2048, 0);
    let sectors = u32::try_from(image.len() / 2048).unwrap().to_le_bytes();
    for (sector, kind) in [(16, 1), (17, 2)] {
        let descriptor = &image[sector * 2048..][..2048];
        assert_eq!(descriptor[..7], [kind, b'C', b'D', b'0', b'0', b'1', 1]);
        assert_eq!(descriptor[80..84], sectors);
    }
    assert_eq!(
        &image[16 * 2048 + 40..][..32],
        b"config-2                        "
    );
    assert_eq!(&image[17 * 2048 + 40..][..6], b"\0c\0o\0n");
    assert_eq!(&image[17 * 2048 + 88..][..3], b"%/E");
    assert_eq!(image[18 * 2048], 255);
}

#[test]
fn the_same_content_is_kept_once() {
    let alone = image(
        &populate(&Content {
            versions: vec!["latest".into()],
            ..large(1 << 20)
        })
        .unwrap(),
    );
    let both = image(&populate(&large(1 << 20)).unwrap());
    assert!(both.len() - alone.len() < 10 * 2048);
}

fn large(bytes: usize) -> Content {
    Content {
        user_data: vec![b'x'; bytes],
        ..Content::default()
    }
}

#[test]
fn an_image_that_the_ramdisk_would_refuse_is_not_made() {
    let tree = |bytes| populate(&large(bytes)).unwrap();
    let size = |bytes| write_image(&tree(bytes), std::io::sink());
    let limit = usize::try_from(LARGEST_IMAGE).unwrap();
    let rest = usize::try_from(size(1).unwrap()).unwrap() - 2048;
    assert_eq!(size(limit - rest).unwrap(), LARGEST_IMAGE);
    let Err(Error::TooLarge { size }) = size(limit - rest + 1) else {
        panic!("one byte more is too much");
    };
    assert_eq!(size, LARGEST_IMAGE + 2048);
    // Told before sizes are put into 32 bits; the memory is never touched.
    let huge = Content {
        user_data: vec![0; 5 << 30],
        versions: vec!["latest".into()],
        ..Content::default()
    };
    let mut tree = Tree::default();
    tree.file("huge", huge.user_data).unwrap();
    assert!(matches!(pack(&tree), Err(Error::TooLarge { size }) if size == 5 << 30));
}

#[test]
fn odd_paths_are_refused() {
    let mut tree = Tree::default();
    tree.file("a/file", "").unwrap();
    let before = tree.clone();
    for path in [
        "",
        "/a",
        "a/",
        "a//b",
        "a/./b",
        "../a",
        "a\0b",
        "a\nb",
        "a:b",
        "a*",
        "a?",
        "a;1",
        "a\\b",
        "😀",
        &"x".repeat(65),
        "a/\u{7f}",
    ] {
        let error = tree.file(path, "").unwrap_err();
        assert!(matches!(error, TreeError::Name { .. }), "{path:?}: {error}");
    }
    assert!(matches!(tree.file("a", ""), Err(TreeError::Both { .. })));
    assert!(matches!(tree.file("a/file/x", ""), Err(TreeError::Both { .. })));
    assert!(matches!(tree.folder("a/file"), Err(TreeError::Both { .. })));
    let bad_end = tree
        .file("new/bad:", "")
        .and(tree.file("1/2/3/4/5/6/7/8/file", ""));
    assert!(
        bad_end.is_err() && tree == before,
        "a refusal leaves the tree as it was"
    );
    tree.file(&"ü".repeat(64), "").unwrap();
    tree.file("1/2/3/4/5/6/7/file", "").unwrap();
    assert!(matches!(
        tree.file("1/2/3/4/5/6/7/8/file", ""),
        Err(TreeError::Deep { .. })
    ));
    assert!(matches!(
        tree.folder("1/2/3/4/5/6/7/8"),
        Err(TreeError::Deep { .. })
    ));
    let version = Content {
        versions: vec!["../../etc".into()],
        ..Content::default()
    };
    assert!(matches!(populate(&version), Err(Error::Tree(_))));
}

#[test]
fn a_broken_writer_is_an_error() {
    let mut room = vec![0; 40_000];
    let error = write_image(&Tree::default(), room.as_mut_slice()).unwrap_err();
    assert!(matches!(error, Error::Write(_)), "{error}");
}

#[test]
fn what_is_in_a_drive_is_never_shown() {
    let content = Content {
        user_data: b"hunter2".to_vec(),
        ..content()
    };
    let tree = populate(&content).unwrap();
    assert!(!format!("{content:?} {tree:?}").contains("hunter2"));
    assert!(format!("{tree:?}").contains("openstack/latest/user_data"));
}

#[test]
fn nothing_that_linux_reads_at_once_crosses_a_sector() {
    let mut tree = Tree::default();
    for number in 0..64 {
        tree.file(&format!("{}{number:02}", "漢".repeat(62)), "").unwrap();
    }
    let image = image(&tree);
    let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    let root = 16 * 2048 + 156;
    let (start, length) = (number(root + 2) * 2048, number(root + 10));
    let mut records = 0;
    for sector in (start..start + length).step_by(2048) {
        let mut at = sector;
        while at < sector + 2048 && image[at] > 0 {
            let record = &image[at..][..usize::from(image[at])];
            at += record.len();
            assert!(at <= sector + 2048, "a record crosses into the next sector");
            let ce = record
                .windows(4)
                .position(|part| part == b"CE\x1c\x01")
                .map(|ce| at - record.len() + ce);
            if let Some(ce) = ce {
                assert!(
                    number(ce + 12) + number(ce + 20) <= 2048,
                    "what it continues in crosses one"
                );
            }
            records += 1;
        }
    }
    assert_eq!(records, 2 + 64);
}
