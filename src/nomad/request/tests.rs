//! Requests as they would go out.

use super::*;

fn url(requests: &Requests, call: Call) -> String {
    requests.build(call).unwrap().uri().to_string()
}

fn path(segment: &str) -> String {
    let requests = Requests::new("http://nomad:4646");
    let url = url(&requests, Call::get(&["job", segment]));
    url.strip_prefix("http://nomad:4646/v1/job/")
        .unwrap()
        .to_owned()
}

// N46
#[test]
fn job_ids_in_paths() {
    for (id, expected) in [
        ("web", "web"),
        ("team/web", "team%2Fweb"),
        ("日本_語", "%E6%97%A5%E6%9C%AC_%E8%AA%9E"),
        ("a b", "a%20b"),
        ("x%2Fy", "x%252Fy"),
        ("a+b", "a+b"),
        ("web?x#y", "web%3Fx%23y"),
        ("x/versions", "x%2Fversions"),
        ("-no-color", "-no-color"),
        ("$&+=:@", "$&+=:@"),
        ("a-b_c.d~e", "a-b_c.d~e"),
        ("...", "..."),
        ("a\\b\"c'd<e>", "a%5Cb%22c%27d%3Ce%3E"),
        ("(!*),;[]{}|^`", "%28%21%2A%29%2C%3B%5B%5D%7B%7D%7C%5E%60"),
    ] {
        assert_eq!(path(id), expected, "{id}");
    }
}

#[test]
fn ids_survive_the_url_parser() {
    // The parser of the HTTP library must neither decode nor clean what was built.
    for id in [
        "team/web", "x%2Fy", "a\\b", "web?x#y", "a b", "日本", "...", ".x",
    ] {
        let requests = Requests::new("http://nomad:4646");
        let built = url(&requests, Call::get(&["job", id, "allocations"]));
        assert_eq!(reqwest::Url::parse(&built).unwrap().as_str(), built);
    }
}

#[test]
fn ids_that_no_path_can_hold() {
    let requests = Requests::new("http://nomad:4646");
    for id in ["", ".", ".."] {
        let error = requests.build(Call::get(&["job", id])).unwrap_err();
        assert_eq!(error, RequestError::PathSegment(id.to_owned()));
    }
    let long = "x".repeat(70_000);
    let error = requests.build(Call::get(&["job", &long])).unwrap_err();
    assert!(matches!(error, RequestError::Url(_)), "{error:?}");
    assert!(error.to_string().len() < 300);
}

#[test]
fn parameters_are_sorted_and_form_encoded() {
    let requests = Requests::new("http://nomad:4646")
        .namespace(Some("a b&c=d/é".to_owned()))
        .region(Some("eu".to_owned()));
    let call = Call::get(&["jobs"])
        .param("prefix", "x+y")
        .param("index", "1");
    assert_eq!(
        url(&requests, call),
        "http://nomad:4646/v1/jobs?index=1&namespace=a+b%26c%3Dd%2F%C3%A9&prefix=x%2By&region=eu"
    );
    let bare = Requests::new("http://nomad:4646");
    assert_eq!(
        url(&bare, Call::get(&["jobs"])),
        "http://nomad:4646/v1/jobs"
    );
}

#[test]
fn blocking_queries_never_ask_with_index_zero() {
    // N10, D46
    let requests = Requests::new("http://n");
    for (index, wait, expected) in [
        (0, Duration::from_secs(30), "index=1&wait=30s"),
        (1, Duration::from_secs(60), "index=1&wait=60s"),
        (
            u64::MAX,
            Duration::from_millis(1500),
            "index=18446744073709551615&wait=1500ms",
        ),
    ] {
        let call = Call::get(&["jobs"]).blocking(index, wait);
        assert_eq!(url(&requests, call), format!("http://n/v1/jobs?{expected}"));
    }
}

#[test]
fn secrets_are_sent_and_not_shown() {
    let requests = Requests::new("http://nomad")
        .token(&Secret::new("t0k3n"))
        .unwrap()
        .basic_auth("Aladdin", &Secret::new("open sesame"))
        .unwrap();
    let request = requests.build(Call::get(&["jobs"])).unwrap();
    assert_eq!(request.headers()["x-nomad-token"], "t0k3n");
    assert_eq!(
        request.headers()["authorization"],
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    for shown in [format!("{requests:?}"), format!("{request:?}")] {
        assert!(
            !shown.contains("t0k3n") && !shown.contains("QWxh"),
            "{shown}"
        );
    }
}

#[test]
fn base64_of_every_remainder() {
    for (plain, encoded) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("é?>", "w6k/Pg=="),
    ] {
        assert_eq!(base64(plain.as_bytes()), encoded, "{plain}");
    }
}

#[test]
fn tokens_that_no_header_can_carry() {
    let error = Requests::new("http://nomad")
        .token(&Secret::new("two\nlines"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token holds characters that an HTTP header cannot carry"
    );
}
