//! From the job argument to one job: exact ids and prefixes, namespaces, ids that are awkward in a path, parents.

mod tables;
mod tokens;

use serde_json::{Value, json};

use crate::jobs::{in_namespace, service, serving};
use crate::support::{Ran, Served};

fn job(id: &str) -> Value {
    service(id, &[("web", 1)])
}

/// A job that has no allocations, for where only its name matters.
fn name_only(id: &str) -> Value {
    service(id, &[("web", 0)])
}

/// `-yes`, then these.
#[track_caller]
fn run(served: &Served, args: &[&str]) -> Ran {
    served.program([&["-yes"], args].concat()).run()
}

/// The jobs, as `namespace/id`, whose allocations were restarted.
fn restarted(served: &Served) -> Vec<String> {
    let written = served.written();
    served.cluster().read(|state| {
        let allocation = |id: &String| state.allocation(id).unwrap();
        let mut jobs: Vec<String> = written
            .iter()
            .map(allocation)
            .map(|it| format!("{}/{}", it.namespace, it.job.id))
            .collect();
        jobs.sort();
        jobs
    })
}

/// It must end with this on stderr, nothing on stdout, and nothing restarted.
#[track_caller]
fn fails(served: &Served, args: &[&str], message: &str) {
    let ran = served.program(args).run().ended_with(1).printed_nothing();
    assert_eq!(ran.stderr, format!("{message}\n"), "{args:?}");
    assert_eq!(restarted(served), Vec::<String>::new());
}

/// The same id in two namespaces, and a longer one beside it.
fn namespaces() -> Served {
    serving([
        job("web"),
        in_namespace(job("web"), "prod"),
        in_namespace(job("web-long"), "prod"),
    ])
}

/// T44: the id wins over those that begin with it.
#[test]
fn an_exact_id() {
    let served = namespaces();
    run(&served, &["web"]).succeeded().said("");
    assert_eq!(restarted(&served), ["default/web"]);
    run(&served, &["-namespace=prod", "web"])
        .succeeded()
        .said("");
    assert_eq!(restarted(&served), ["default/web", "prod/web"]);
    run(&served, &["-exact", "web"]).succeeded().said("");
}

/// T39, T45, D3: a prefix is taken with `-yes` only, and not silently.
#[test]
fn a_prefix_of_one_job() {
    let served = namespaces();
    fails(
        &served,
        &["-on-error=fail", "we"],
        "No job with ID \"we\" found; the only job with this prefix is \"web\". Give its whole ID, or -yes to take the \
         match",
    );
    fails(
        &served,
        &["-yes", "-exact", "we"],
        "No job with ID \"we\" found, and with -exact a prefix does not do; the only job with this prefix is \"web\"",
    );
    let ran = run(&served, &["we"]).succeeded();
    let warning =
        "Warning: Job \"we\" not found; going on with \"web\", the only job with this prefix.\n";
    assert!(ran.stderr.ends_with(warning), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(restarted(&served), ["default/web"]);
}

/// T43: one match over all namespaces; from there on its own namespace counts.
#[test]
fn a_prefix_of_one_job_in_any_namespace() {
    let served = namespaces();
    let ran = run(&served, &["-namespace=*", "web-"]).succeeded();
    assert!(
        ran.stderr.contains("going on with \"web-long\""),
        "{}",
        ran.stderr
    );
    assert_eq!(restarted(&served), ["prod/web-long"]);
    let requests = served.requests();
    let (first, others) = requests.split_first().unwrap();
    assert!(first.query.contains("namespace=%2A") || first.query.contains("namespace=*"));
    for request in others {
        assert!(request.query.contains("namespace=prod"), "{request:?}");
    }
    // An exact id over all namespaces needs no word.
    run(&served, &["-namespace=*", "web-long"])
        .succeeded()
        .said("");
}

/// T40, T47.
#[test]
fn no_match() {
    let served = namespaces();
    let none = "No job(s) with prefix or ID \"zzz\" found";
    fails(&served, &["-yes", "zzz"], none);
    fails(&served, &["-yes", "-namespace=*", "zzz"], none);
    fails(
        &served,
        &["-yes", "-namespace=nope", "web"],
        "No job(s) with prefix or ID \"web\" found",
    );
    fails(
        &served,
        &["-yes", "-exact", "-namespace=prod", "zzz"],
        "No job with ID \"zzz\" found in namespace \"prod\"",
    );
    fails(
        &served,
        &["-yes", "-exact", "zzz"],
        "No job with ID \"zzz\" found in namespace \"default\"",
    );
    fails(
        &served,
        &["-yes", "-exact", "-namespace=*", "zzz"],
        "No job with ID \"zzz\" found",
    );
    // N48
    run(&served, &[" web\n"]).succeeded();
}

/// N46: ids that a path has to escape.
#[test]
fn awkward_ids() {
    let ids = [
        "team/web",
        "日本_語",
        "x%2Fy",
        "a+b",
        "web?x#y",
        "-no-color",
        "a&b=c",
        "..hidden",
        "v1/job/web",
        "\"quoted\"",
        "semi;colon",
    ];
    let served = serving(ids.map(job));
    for id in ids {
        let ran = run(&served, &["-no-color", "--", id]).succeeded();
        assert_eq!(ran.stderr, "", "{id}");
    }
    let mut expected = ids.map(|id| format!("default/{id}"));
    expected.sort();
    assert_eq!(restarted(&served), expected);
    // Nomad has no such job; its name is asked for as it was typed.
    let ran = run(&served, &["a b"]).ended_with(1);
    assert_eq!(ran.stderr, "No job(s) with prefix or ID \"a b\" found\n");
}

/// D23: ids that Nomad's API cannot be asked about.
#[test]
fn ids_that_lead_elsewhere() {
    let ids = [
        "x/versions",
        "x/allocations",
        "x/summary",
        "x/dispatch",
        "y/versions",
    ];
    let served = serving([&["x"], &ids[..]].concat().into_iter().map(job));
    for id in ids {
        fails(
            &served,
            &["-yes", id],
            &format!(
                "Error querying job \"{id}\": the server answered for another path. An ID that ends in the name of an API \
                 endpoint cannot be addressed over Nomad's HTTP API"
            ),
        );
    }
    for id in [".", ".."] {
        fails(
            &served,
            &["-yes", id],
            &format!(
                "Error querying job \"{id}\": \"{id}\" cannot be asked for over HTTP: it has a meaning of its own in a path"
            ),
        );
    }
    assert_eq!(restarted(&served), Vec::<String>::new());
}

/// N38: parents have no allocations of their own.
#[test]
fn parents() {
    let mut nightly = name_only("nightly");
    nightly["Type"] = "batch".into();
    nightly["Periodic"] = json!({"Spec": "0 3 * * *"});
    let mut child = job("nightly/periodic-1795507200");
    child["ParentID"] = "nightly".into();
    let mut on_demand = name_only("on-demand");
    on_demand["Type"] = "batch".into();
    on_demand["ParameterizedJob"] = json!({});
    let served = serving([nightly, child, on_demand]);
    let says = |id: &str, text: &str| {
        let ran = run(&served, &[id]).ended_with(0).said("");
        assert_eq!(ran.stdout, format!("No allocations to restart\n{text}\n"));
    };
    says(
        "nightly",
        "Job \"nightly\" is periodic and has no allocations of its own. Restart the jobs that it has started: \
         nightly/periodic-1795507200.",
    );
    says(
        "on-demand",
        "Job \"on-demand\" is parameterized and has no allocations of its own. It has started no jobs that are still known.",
    );
    run(&served, &["nightly/periodic-1795507200"]).succeeded();
}

/// D6, N42, N43, N45: names that the job does not have.
#[test]
fn unknown_groups_and_tasks() {
    let served = serving([service("web", &[("web", 1), ("api", 1)])]);
    for (args, message) in [
        (
            &["-group=wep"][..],
            "Job \"web\" has no group \"wep\". Known groups: \"api\", \"web\"",
        ),
        (
            &["-group=web,api"],
            "Job \"web\" has no group \"web,api\". Known groups: \"api\", \"web\"",
        ),
        (
            &["-group=web", "-group=x"],
            "Job \"web\" has no group \"x\". Known groups: \"api\", \"web\"",
        ),
        (
            &["-task=server"],
            "Job \"web\" has no task \"server\". Known tasks: \"app\"",
        ),
    ] {
        fails(&served, &[&["-yes"], args, &["web"]].concat(), message);
    }
    run(
        &served,
        &["-group=web", "-group", "web", "-task=app", "web"],
    )
    .succeeded();
    assert_eq!(served.written().len(), 1);
}
