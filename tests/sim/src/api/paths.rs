//! Paths as Go's request multiplexer treats them: not clean ones are redirected, sub-trees need their
//! slash.

/// Paths under which everything belongs to one handler.
const SUBTREES: [&str; 14] = [
    "/v1/job/",
    "/v1/node/",
    "/v1/allocation/",
    "/v1/evaluation/",
    "/v1/deployment/",
    "/v1/namespace/",
    "/v1/service/",
    "/v1/var/",
    "/v1/client/allocation/",
    "/v1/client/fs/",
    "/v1/acl/token/",
    "/v1/acl/policy/",
    "/v1/operator/scheduler/",
    "/ui/",
];

/// Without empty, `.` and `..` segments; a trailing slash stays.
fn clean(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut cleaned = format!("/{}", kept.join("/"));
    if path.ends_with('/') && cleaned != "/" {
        cleaned.push('/');
    }
    cleaned
}

/// Where the multiplexer sends a request with this (escaped) path instead, if anywhere.
pub(crate) fn redirected(path: &str) -> Option<String> {
    if path == "/" || path.is_empty() {
        return Some("/ui/".to_owned());
    }
    let cleaned = clean(path);
    if cleaned != path {
        return Some(cleaned);
    }
    let with_slash = format!("{path}/");
    SUBTREES
        .contains(&with_slash.as_str())
        .then_some(with_slash)
}

#[cfg(test)]
mod tests {
    use super::redirected;

    #[test]
    fn unclean_paths_are_redirected_and_escaped_slashes_are_not() {
        for (path, to) in [
            ("/", Some("/ui/")),
            ("//v1/jobs", Some("/v1/jobs")),
            ("/v1//jobs", Some("/v1/jobs")),
            ("/v1/job", Some("/v1/job/")),
            ("/v1/allocation", Some("/v1/allocation/")),
            (
                "/v1/client/allocation//restart",
                Some("/v1/client/allocation/restart"),
            ),
            ("/v1/job/../jobs", Some("/v1/jobs")),
            ("/v1", None),
            ("/v1/", None),
            ("/v1/jobs/", None),
            ("/v1/job/team%2F%2Fapi", None),
        ] {
            assert_eq!(redirected(path).as_deref(), to, "{path}");
        }
    }
}
