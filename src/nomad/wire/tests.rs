//! The transport against real sockets.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::env::Env;
use crate::nomad::client::Client;
use crate::nomad::config::ConnectionFlags;
use crate::nomad::error::ReadError;

fn client(address: &str, env: &[(&str, &str)]) -> Client {
    let flags = ConnectionFlags {
        address: Some(address.to_owned()),
        ..ConnectionFlags::default()
    };
    let config = ClientConfig::resolve(&flags, &Env::from_pairs(env.iter().copied())).unwrap();
    let wire = Wire::new(&config).unwrap();
    Client::new(&config, Arc::new(wire), 50).unwrap()
}

async fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

async fn error(address: &str) -> ReadError {
    client(address, &[]).job("web", None).await.unwrap_err()
}

#[tokio::test]
async fn explore() {
    for a in [
        "http://127.0.0.1:1",
        "http://nomad.invalid:4646",
        "unix:///nonexistent.sock",
        "https://127.0.0.1:1",
    ] {
        println!("{}", error(a).await);
    }
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ID\"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ID\"\r\n",
      b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n12345", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 17\r\n\r\nPermission denied",
      b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html><head><title>502 Bad Gateway</title></head></html>",
      b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<!doctype html><html><head><title>Login</title></head></html>",
      b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"ID\":\"web\",\"Ty", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nnull", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
      b"HTTP/0.0 200 OK\r\n\r\n{}"] {
        println!("{}", error(&server(answer).await).await);
    }
    println!(
        "{}",
        error(&server(b"").await.replace("http:", "https:")).await
    );
    println!(
        "{}",
        error(
            &server(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .replace("http:", "https:")
        )
        .await
    );
}

#[tokio::test]
async fn explore_429() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let rt = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = listener.into_std().unwrap();
        rt.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nYour IP is issuing too many concurrent connections, please rate limit your calls\n").await;
            }
        });
    });
    let mut c = std::collections::BTreeMap::new();
    for _ in 0..300 {
        let cl = client(&address, &[]);
        let p = cl.write_permit().await;
        let e = cl.restart(p, "a", &Default::default()).await.unwrap_err();
        let t = format!("{e:?}");
        *c.entry(t).or_insert(0) += 1;
    }
    println!("{c:#?}");
}
