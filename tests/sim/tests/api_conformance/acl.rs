//! Access control: who may do what, and the texts of refusals (recording g-acl).

use std::path::Path;

use http::{HeaderValue, Method};
use nomad_sim::api::{Acl, Token};
use nomad_sim::front::MemoryFront;
use serde_json::Value;

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
fn secret(name: &str) -> String {
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

/// A token of the recording under its name there; `None` for those that the cluster does not know.
fn recorded_token(name: &str) -> Option<Token> {
    let allow = |capabilities: &[&str]| {
        let token = Token::named(name);
        let allow = |token: Token, capability: &&str| token.allow("default", capability);
        capabilities.iter().fold(token, allow)
    };
    Some(match name {
        "no token" | "token that does not exist" | "token that is not a UUID" | "deleted token" => {
            return None;
        }
        "in-place" => allow(&["read-job", "alloc-lifecycle"]),
        "reschedule" => allow(&["list-jobs", "read-job", "alloc-lifecycle", "evaluate-job"]),
        "read-policy" => Token::named(name).policy("default", "read"),
        "write-policy" => Token::named(name).policy("default", "write"),
        "prod-only" => Token::named(name).policy("prod", "write"),
        "node-read" => Token::named(name).node_read(),
        "all-namespaces" => Token::named(name).policy("*", "read"),
        "management token" => Token::management(name),
        capability => allow(&[capability]),
    })
}

/// Every endpoint with every token of the recording: status, and text of errors.
#[tokio::test(start_paused = true)]
async fn every_endpoint_answers_every_token_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/recordings/g-acl.jsonl");
    let content = std::fs::read_to_string(path).expect("the recording is there");
    let lines = content.lines().skip(1);
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let tokens_of = |answer: &Value| -> Vec<String> {
        let tokens = answer["tokens"].as_array().into_iter().flatten();
        tokens
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect()
    };
    let answers = lines[0]["answers"].as_array().expect("answers");
    let tokens: Vec<String> = answers.iter().flat_map(tokens_of).collect();
    assert_eq!(tokens.len(), 17);
    let mut problems = Vec::new();
    for token in tokens {
        // What one token may write changes what the next one sees.
        let cluster = cluster();
        let front = MemoryFront::of(cluster.clone());
        front.agent().create_namespace("prod", "");
        running(&cluster, &job("web", 1, "0s")).await;
        let alloc = allocations(&cluster, "web").remove(0);
        let (eval, node) = cluster.read(|state| {
            let eval = state.job_evaluations("default", "web").next().expect("one");
            (
                eval.id.clone(),
                state.nodes().next().expect("one").id.clone(),
            )
        });
        let acl = recorded_token(&token)
            .map_or_else(Acl::new, |known| Acl::new().with(&secret(&token), known));
        front.agent().set_acl(Some(acl));
        let own = match token.as_str() {
            "no token" => String::new(),
            "token that is not a UUID" => "no-uuid".to_owned(),
            name => secret(name),
        };
        for line in &lines {
            let filled = |text: String| {
                let text = text.replace("<alloc>", &alloc).replace("<eval>", &eval);
                text.replace("<node>", &node)
            };
            let answers = line["answers"].as_array().expect("answers");
            let Some(recorded) = answers.iter().find(|it| tokens_of(it).contains(&token)) else {
                continue;
            };
            let req = &line["req"];
            let target = filled(format!("{}?{}", text(req, "path"), text(req, "query")));
            let body = req.get("body").map_or_else(String::new, Value::to_string);
            let method = Method::from_bytes(text(req, "method").as_bytes()).expect("a method");
            let mut call = request(&method, &target, &body);
            if !own.is_empty() {
                let value = HeaderValue::from_str(&own).expect("a header");
                call.headers_mut().insert("x-nomad-token", value);
            }
            let answer = send(&front, call).await.expect("answered");
            let told = if answer.status == 200 {
                String::new()
            } else {
                answer.text()
            };
            let wanted = (recorded["status"].clone(), filled(text(recorded, "text")));
            if (Value::from(answer.status), told.clone()) != wanted {
                problems.push(format!(
                    "{method} {target} with {token}: {wanted:?} was recorded, not {} {told}",
                    answer.status
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
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
