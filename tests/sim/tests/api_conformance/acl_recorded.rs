//! Access control, as a real agent answered: every endpoint with every token of recording g-acl.

use std::path::Path;

use http::{HeaderValue, Method};
use nomad_sim::api::{Acl, Token};
use nomad_sim::front::MemoryFront;
use serde_json::Value;

use super::acl::secret;
use super::support::{allocations, cluster, job, request, running, send};

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
