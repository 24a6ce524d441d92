//! A crowd: many clouds of one tenant at an Ironic that sends as much as it may.

#![cfg(test)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironwright_stack::wait;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{LIMIT, World};
use crate::sight::cloud_message;

/// How many clouds: each is another Ironic, as far as the operator can know.
const CLOUDS: usize = 25;

/// Rows, and what each says: together a page of twelve megabytes.
const ROWS: usize = 1300;
const WORDS: usize = 9000;

/// How long a probe may take in a build that is not optimised.
const PROBE: Duration = Duration::from_secs(3);

fn page() -> String {
    let row = |row: usize| json!({"uuid": uuid::Uuid::new_v4(), "name": format!("n{row}"), "provision_state": "enroll", "last_error": "x".repeat(WORDS)});
    json!({"nodes": (0..ROWS).map(row).collect::<Vec<_>>()}).to_string()
}

async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let page = Arc::new(page());
    tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            let page = Arc::clone(&page);
            // Whoever asked has had enough.
            tokio::spawn(async move { drop(answer(peer, &page).await) });
        }
    });
    endpoint
}

async fn answer(mut peer: TcpStream, page: &str) -> std::io::Result<()> {
    let mut request = vec![0; 16 * 1024];
    loop {
        let read = peer.read(&mut request).await?;
        if read == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&request[..read]).into_owned();
        let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        let body = if path.ends_with("/v1") {
            r#"{"version": {"min_version": "1.1", "version": "1.95"}}"#
        } else if path.ends_with("/drivers") {
            r#"{"drivers": []}"#
        } else {
            page
        };
        let head = format!("HTTP/1.1 200 Said\r\ncontent-length: {}\r\n\r\n", body.len());
        peer.write_all(head.as_bytes()).await?;
        peer.write_all(body.as_bytes()).await?;
    }
}

impl World {
    /// The namespace's clouds, none of which has anything to do with another.
    pub async fn crowd(&self) {
        let endpoint = start().await;
        for number in 0..CLOUDS {
            let cloud = json!({
                "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": format!("crowd-{number}")},
                "spec": {"endpoint": format!("{endpoint}/{number}")},
            });
            self.apply(&cloud).await.expect("the cloud is accepted");
        }
    }

    /// There is no room for all of them, and those for which there is none say so.
    pub async fn crowd_is_told(&self) {
        wait::until("a cloud says that there is no room", LIMIT, async || {
            let clouds = self.clouds.list(&kube::api::ListParams::default()).await?;
            let says = |cloud: &_| cloud_message(cloud, "Ready").contains("together take more than 48 MiB");
            Ok(clouds.iter().any(says).then_some(()))
        })
        .await
        .unwrap();
    }

    /// The operator answers a probe soon.
    pub async fn probes_soon(&self) {
        let began = Instant::now();
        assert!(self.operator().is_ready().await);
        assert!(began.elapsed() < PROBE, "{:?}", began.elapsed());
    }
}
