//! Agents that answer nonsense, or refuse, or have a bad moment.

use nomad_sim::front::{Fault, Rule};

use super::{fails, web};

/// What something that is no agent, or one in trouble, answers to the first read.
#[test]
fn answers_that_are_no_use() {
    for (fault, error) in [
        // N12; tried twice more, as it may pass.
        (
            Fault::Html(200, "<html><title>Welcome</title></html>".to_owned()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it is an HTML page, \"Welcome\", not JSON; \
             is there a Nomad agent at this address?",
        ),
        (
            Fault::Garbage("".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it is empty",
        ),
        (
            Fault::Garbage("{\"ID\":\"web\",\"Type\":\"serv".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it ends in the middle of the JSON",
        ),
        (
            Fault::Garbage("null".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it is null",
        ),
        (
            Fault::Garbage("{}".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: the job in it has no ID or no type",
        ),
    ] {
        let served = web();
        let what = format!("{fault:?}");
        served.agent.faults().add(Rule::on("/v1/job/web", fault));
        let ran = served
            .program(["-yes", "web"])
            .run()
            .ended_with(1)
            .printed_nothing();
        let error = error.replace("ADDRESS", &served.address);
        let [warning, end] = &ran.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{what}: {}", ran.stderr);
        };
        let said = format!("Warning: Nomad does not answer as it should, trying again: {error}");
        assert!(warning.ends_with(&said), "{what}: {warning}");
        assert_eq!(
            *end,
            format!("Error querying job \"web\": {error}"),
            "{what}"
        );
        assert_eq!(served.requests().len(), 3, "{what}");
    }
}

/// N1: what is final at once, each at the step where it happens. Nothing is restarted.
#[test]
fn refusals_at_each_step() {
    for (path, step) in [
        ("/v1/job/web", "Error querying job \"web\""),
        (
            "/v1/job/web/versions",
            "Error retrieving versions of job \"web\"",
        ),
        (
            "/v1/job/web/allocations",
            "Error retrieving allocations for job \"web\"",
        ),
    ] {
        for (fault, error) in [
            (
                Fault::Status(403, "Permission denied\n".to_owned()),
                "Unexpected response code: 403 (Permission denied); it takes a token with the capability \"read-job\" in namespace \"default\"",
            ),
            (
                Fault::Status(400, String::new()),
                "Unexpected response code: 400",
            ),
            (
                Fault::Html(302, "<html><title>Sign in</title></html>".to_owned()),
                "Unexpected response code: 302 (an HTML page, \"Sign in\")",
            ),
        ] {
            let served = web();
            let exactly = move |_: &http::Method, it: &str, _: &str| it == path;
            served
                .agent
                .faults()
                .add(Rule::on(path, fault).when(exactly));
            fails(served.program(["-yes", "web"]), &format!("{step}: {error}"));
            assert_eq!(served.written(), Vec::<String>::new());
        }
    }
}

/// An answer that the agent could not finish is asked for again, with a word about it.
#[test]
fn a_hiccup_before_the_first_write() {
    for (path, fault, why) in [
        (
            "/v1/job/web",
            Fault::Status(500, "No cluster leader".to_owned()),
            "500 (No cluster leader)",
        ),
        ("/v1/job/web", Fault::Status(429, String::new()), "429"),
        ("/v1/job/web", Fault::ResetBefore, "the connection broke"),
        ("/allocations", Fault::Cut(20), "the connection broke"),
        (
            "/versions",
            Fault::Html(502, "<html><title>Bad gateway</title></html>".to_owned()),
            "502",
        ),
    ] {
        let served = web();
        served.agent.faults().add(Rule::on(path, fault).nth(1));
        let ran = served.program(["-yes", "web"]).run().succeeded();
        let [warning] = &ran.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{}", ran.stderr);
        };
        assert!(warning.contains(": Warning: Nomad does not answer as it should, trying again: "));
        assert!(warning.contains(why), "{warning}");
    }
}

/// C8, N14
#[test]
fn an_unknown_region() {
    let served = web();
    fails(
        served.program(["-yes", "-region=mars", "web"]),
        "Error querying job \"web\": Unexpected response code: 500 (No path to region)",
    );
    assert_eq!(served.requests().len(), 1);
}
