//! Access control: who may do what, and the texts of refusals (recording g-acl).

use http::{HeaderValue, Method};
use nomad_sim::api::{Acl, Token};
use nomad_sim::front::MemoryFront;

use super::support::{Whole, allocations, cluster, job, request, running, send};

const UNKNOWN: &str = "11111111-2222-3333-4444-555555555555";
const NOT_SIGNED: &str =
    "failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts";

/// A running job `web`, and a token for each of these names.
async fn guarded() -> (MemoryFront, String) {
    let cluster = cluster();
    running(&cluster, &job("web", 1, "0s")).await;
    let alloc = allocations(&cluster, "web").remove(0);
    let front = MemoryFront::of(cluster);
    let only = |capability: &str| Token::named(capability).allow("default", capability);
    let acl = Acl::new()
        .with(&secret("list-jobs"), only("list-jobs"))
        .with(&secret("read-job"), only("read-job"))
        .with(&secret("alloc-lifecycle"), only("alloc-lifecycle"))
        .with(&secret("submit-job"), only("submit-job"))
        .with(&secret("evaluate-job"), only("evaluate-job"))
        .with(
            &secret("write"),
            Token::named("write").policy("default", "write"),
        )
        .with(
            &secret("prod"),
            Token::named("prod").policy("prod", "write"),
        )
        .with(&secret("nodes"), Token::named("nodes").node_read())
        .with(&secret("expired"), Token::management("expired").expired())
        .with(&secret("boss"), Token::management("boss"));
    front.agent().set_acl(Some(acl));
    (front, alloc)
}

/// The secret of a token: a UUID that follows from its name.
pub(super) fn secret(name: &str) -> String {
    let sum: u32 = name.bytes().map(u32::from).sum();
    format!("{sum:08x}-aaaa-bbbb-cccc-dddddddddddd")
}

async fn ask(front: &MemoryFront, method: &Method, target: &str, secret: &str) -> Whole {
    let mut request = request(method, target, "");
    if !secret.is_empty() {
        let value = HeaderValue::from_str(secret).expect("a header");
        request.headers_mut().insert("x-nomad-token", value);
    }
    send(front, request).await.expect("answered")
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_needs_its_capability() {
    let (front, alloc) = guarded().await;
    let unknown = format!("Unknown allocation \"{alloc}\"");
    let (get, put) = (Method::GET, Method::PUT);
    let denied = "Permission denied";
    for (method, target, allowed, status, text) in [
        (
            &get,
            "/v1/jobs?prefix=web",
            &["list-jobs", "write", "boss"][..],
            403,
            denied,
        ),
        (
            &get,
            "/v1/job/web",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/job/web/versions",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/job/web/allocations",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/job/web/deployment",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/job/web/evaluations",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/job/web/summary",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/allocations",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/evaluations",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &get,
            "/v1/allocation/ALLOC",
            &["read-job", "write", "boss"],
            500,
            &unknown,
        ),
        (
            &get,
            "/v1/client/allocation/ALLOC/checks",
            &["read-job", "write", "boss"],
            403,
            denied,
        ),
        (&get, "/v1/nodes", &["nodes", "boss"], 403, denied),
        (&get, "/v1/agent/members", &["nodes", "boss"], 403, denied),
        (&get, "/v1/agent/self", &["boss"], 403, denied),
        (
            &put,
            "/v1/client/allocation/ALLOC/restart",
            &["alloc-lifecycle", "write", "boss"],
            403,
            denied,
        ),
        (
            &put,
            "/v1/job/web/evaluate",
            &["submit-job", "evaluate-job", "write", "boss"],
            403,
            denied,
        ),
        (
            &put,
            "/v1/allocation/ALLOC/stop",
            &["alloc-lifecycle", "write", "boss"],
            403,
            denied,
        ),
    ] {
        let target = target.replace("ALLOC", &alloc);
        for name in [
            "",
            "list-jobs",
            "read-job",
            "alloc-lifecycle",
            "submit-job",
            "evaluate-job",
            "write",
            "prod",
            "nodes",
            "boss",
        ] {
            let token = if name.is_empty() {
                String::new()
            } else {
                secret(name)
            };
            let answer = ask(&front, method, &target, &token).await;
            if allowed.contains(&name) {
                assert_eq!(answer.status, 200, "{method} {target} with {name:?}");
            } else {
                let found = (answer.status, answer.text());
                assert_eq!(
                    found,
                    (status, text.to_owned()),
                    "{method} {target} with {name:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_allocations_are_told_before_the_capability_is_asked_for() {
    let (front, _) = guarded().await;
    for (method, target, text) in [
        (
            Method::GET,
            format!("/v1/allocation/{UNKNOWN}"),
            "alloc not found".to_owned(),
        ),
        (
            Method::PUT,
            format!("/v1/allocation/{UNKNOWN}/stop"),
            "allocation not found".to_owned(),
        ),
        (
            Method::PUT,
            format!("/v1/client/allocation/{UNKNOWN}/restart"),
            format!("Unknown allocation \"{UNKNOWN}\""),
        ),
    ] {
        let answer = ask(&front, &method, &target, &secret("list-jobs")).await;
        assert_eq!((answer.status, answer.text()), (404, text), "{target}");
        // But not to a token that is none.
        let answer = ask(&front, &method, &target, "no-uuid").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, "Permission denied")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_not_valid_are_refused_as_their_endpoint_does_it() {
    let (front, alloc) = guarded().await;
    let restart = format!("/v1/client/allocation/{alloc}/restart");
    let denied = "Permission denied".to_owned();
    let expired = secret("expired");
    for (target, secret, status, text) in [
        ("/v1/job/web", "no-uuid", 403, denied.clone()),
        ("/v1/job/web", UNKNOWN, 403, denied.clone()),
        ("/v1/job/web", &expired, 403, denied.clone()),
        (&restart, "no-uuid", 500, format!("rpc error: {NOT_SIGNED}")),
        (&restart, UNKNOWN, 403, denied.clone()),
        (
            &restart,
            &expired,
            500,
            "rpc error: ACL token expired".to_owned(),
        ),
        (
            "/v1/agent/self",
            "no-uuid",
            500,
            format!("ACL token not found or invalid workload identity: {NOT_SIGNED}"),
        ),
        ("/v1/acl/token/self", "no-uuid", 500, NOT_SIGNED.to_owned()),
        ("/v1/acl/token/self", UNKNOWN, 403, denied.clone()),
        (
            "/v1/acl/token/self",
            &expired,
            500,
            "ACL token expired".to_owned(),
        ),
    ] {
        let answer = ask(&front, &Method::GET, target, secret).await;
        assert_eq!(
            (answer.status, answer.text()),
            (status, text),
            "{target} with {secret}"
        );
    }
    let answer = ask(&front, &Method::GET, "/v1/acl/token/self", "").await;
    assert_eq!(answer.json()["AccessorID"], "anonymous");
}

#[tokio::test(start_paused = true)]
async fn lists_over_all_namespaces_show_what_the_token_may_see() {
    let (front, _) = guarded().await;
    front.agent().create_namespace("prod", "");
    let mut job = job("shop", 1, "0s");
    job["Namespace"] = "prod".into();
    running(front.agent().cluster(), &job).await;
    for (name, ids) in [
        ("boss", &["web", "shop"][..]),
        ("list-jobs", &["web"]),
        ("prod", &["shop"]),
    ] {
        let answer = ask(&front, &Method::GET, "/v1/jobs?namespace=*", &secret(name)).await;
        let list = answer.json();
        let found: Vec<&str> = list.as_array().map_or(Vec::new(), |list| {
            list.iter().filter_map(|job| job["ID"].as_str()).collect()
        });
        assert_eq!(found, ids, "{name}");
    }
    let answer = ask(
        &front,
        &Method::GET,
        "/v1/jobs?namespace=*",
        &secret("nodes"),
    )
    .await;
    assert_eq!(answer.status, 403);
}
