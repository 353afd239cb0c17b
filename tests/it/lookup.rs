//! From the job argument to one job: exact ids and prefixes, namespaces, tokens, ids that are awkward in a path, parents.

use chrono::{DateTime, SecondsFormat, Utc};
use nomad_sim::api::{Acl, Token};
use serde_json::{Value, json};

use crate::jobs::{in_namespace, service, serving, settle};
use crate::support::{Ran, Served, runtime};

const TOKEN: &str = "8a1b2c3d-0000-4000-8000-123456789abc";

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

/// The submit dates of these jobs as the table shows them with `TZ=UTC`.
fn dates<const N: usize>(served: &Served, jobs: [(&str, &str); N]) -> [String; N] {
    jobs.map(|(namespace, id)| {
        let nanos = served
            .cluster()
            .read(|state| state.job(namespace, id).unwrap().submit_time.0);
        DateTime::<Utc>::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}

/// Behaviour 2.2.7, 2.2.8, T41, T46: the table, cell by cell.
#[test]
fn several_matches() {
    let mut nightly = name_only("we-nightly");
    nightly["Type"] = "batch".into();
    nightly["Periodic"] = json!({"Spec": "0 3 * * *"});
    nightly["Priority"] = 100.into();
    let mut on_demand = name_only("we");
    on_demand["ID"] = "we-日本".into();
    on_demand["Type"] = "batch".into();
    on_demand["ParameterizedJob"] = json!({});
    let served = serving([name_only("web"), nightly, on_demand, job("we-stopped")]);
    served
        .cluster()
        .deregister("default", "we-stopped", false)
        .unwrap();
    runtime().block_on(served.cluster().until(|state| {
        let stopped = state.job("default", "we-stopped").unwrap();
        (stopped.status == "dead").then_some(())
    }));
    let [stopped, nightly, on_demand, web] = dates(
        &served,
        [
            ("default", "we-stopped"),
            ("default", "we-nightly"),
            ("default", "we-日本"),
            ("default", "web"),
        ],
    );
    let status = |id: &str| {
        served
            .cluster()
            .read(|state| state.job("default", id).unwrap().status.to_owned())
    };
    let [nightly_is, on_demand_is, web_is] = ["we-nightly", "we-日本", "web"].map(status);
    let expected = format!(
        "Prefix \"we\" matched multiple jobs\n\
         \n\
         ID          Type                 Priority  Status          Submit Date\n\
         we-nightly  batch/periodic       100       {nightly_is:14}  {nightly}\n\
         we-stopped  service              50        dead (stopped)  {stopped}\n\
         we-日本       batch/parameterized  50        {on_demand_is:14}  {on_demand}\n\
         web         service              50        {web_is:14}  {web}\n"
    );
    let program = served.program(["-yes", "we"]).env("TZ", "UTC");
    program
        .run()
        .ended_with(1)
        .printed_nothing()
        .said(&expected);
    assert_eq!(restarted(&served), Vec::<String>::new());
}

/// T42, T48: with namespaces, in the order of ids.
#[test]
fn several_matches_in_all_namespaces() {
    let served = namespaces();
    let [default, prod, long] = dates(
        &served,
        [("default", "web"), ("prod", "web"), ("prod", "web-long")],
    );
    for argument in ["we", "web"] {
        let expected = format!(
            "Prefix \"{argument}\" matched multiple jobs\n\
             \n\
             ID        Namespace  Type     Priority  Status   Submit Date\n\
             web       default    service  50        running  {default}\n\
             web       prod       service  50        running  {prod}\n\
             web-long  prod       service  50        running  {long}\n"
        );
        let program = served
            .program(["-yes", "-namespace=*", argument])
            .env("TZ", "UTC");
        program
            .run()
            .ended_with(1)
            .printed_nothing()
            .said(&expected);
    }
    assert_eq!(restarted(&served), Vec::<String>::new());
}

/// N52, D5: all pages are read; an exact id that comes last is found, and a second one is not missed.
#[test]
fn more_matches_than_a_page_holds() {
    let served = serving((1..=230).map(|number| name_only(&format!("web-{number:03}"))));
    let ran = run(&served, &["web"]).ended_with(1).printed_nothing();
    assert_eq!(ran.stderr.lines().count(), 3 + 230, "{}", ran.stderr);
    assert!(!ran.stderr.contains("truncated"));

    served.agent.create_namespace("zeta", "");
    served
        .cluster()
        .register(&in_namespace(job("web"), "zeta"))
        .unwrap();
    settle(&served);
    run(&served, &["-namespace=*", "web"]).succeeded().said("");
    assert_eq!(restarted(&served), ["zeta/web"]);

    served.agent.create_namespace("alpha", "");
    served
        .cluster()
        .register(&in_namespace(job("web"), "alpha"))
        .unwrap();
    settle(&served);
    let ran = run(&served, &["-namespace=*", "-exact", "web"]).ended_with(1);
    assert_eq!(ran.stderr.lines().count(), 3 + 2, "{}", ran.stderr);
    assert_eq!(restarted(&served), ["zeta/web"]);
}

/// Behaviour 2.2.11, N46: ids that a path has to escape.
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

fn guarded(capabilities: &[&str]) -> Served {
    let served = serving([job("web")]);
    let token = capabilities
        .iter()
        .fold(Token::named("operator"), |token, capability| {
            token.allow("default", capability)
        });
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    served
}

/// T56 to T61.
#[test]
fn what_a_token_needs() {
    let denied = "Unexpected response code: 403 (Permission denied)";
    // T56
    let served = guarded(&["read-job", "alloc-lifecycle"]);
    fails(
        &served,
        &["-yes", "web"],
        &format!("Error querying job \"web\": {denied}"),
    );
    for (capabilities, job, end) in [
        // T57
        (
            &["alloc-lifecycle"][..],
            "web",
            Err(format!("Error querying job \"web\": {denied}\n")),
        ),
        // T59
        (&["read-job", "alloc-lifecycle"], "web", Ok(())),
        // T60: without list-jobs a prefix can only be an id.
        (
            &["read-job", "alloc-lifecycle"],
            "we",
            Err(
                "Error querying job \"we\": Unexpected response code: 404 (job not found)\n"
                    .to_owned(),
            ),
        ),
        // T61
        (&["read-job", "alloc-lifecycle", "list-jobs"], "we", Ok(())),
    ] {
        let served = guarded(capabilities);
        let program = served.program(["-yes", job]).env("NOMAD_TOKEN", TOKEN);
        match end {
            Ok(()) => _ = program.run().succeeded(),
            Err(text) => _ = program.run().ended_with(1).printed_nothing().said(&text),
        }
    }
}

/// T58: what cannot be done is told once, and the next allocation is not tried.
#[test]
fn a_token_that_may_only_read() {
    let served = serving([service("web", &[("web", 3)])]);
    let token = Token::named("reader").policy("default", "read");
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    for args in [
        &["-yes", "web"][..],
        &["-on-error=fail", "-reschedule", "web"],
    ] {
        let before = served.written().len();
        let program = served.program(args).env("NOMAD_TOKEN", TOKEN);
        let ran = program.run().ended_with(1);
        assert!(
            ran.stdout.contains(": Job restart finished with errors\n"),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stderr.contains("403 (Permission denied)"),
            "{}",
            ran.stderr
        );
        assert_eq!(served.written().len(), before + 1);
    }
}

/// N53, D4: without list-jobs the namespace that was asked for still counts, and the job of the same name in `default` is safe.
#[test]
fn the_namespace_is_never_dropped() {
    let served = namespaces();
    let token = ["read-job", "alloc-lifecycle"]
        .iter()
        .fold(Token::named("operator"), |token, it| {
            token.allow("prod", it).allow("default", it)
        });
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    let program = served.program(["-yes", "-namespace=prod", "web"]);
    program.env("NOMAD_TOKEN", TOKEN).run().succeeded();
    assert_eq!(restarted(&served), ["prod/web"]);
    for request in served.requests() {
        assert!(request.query.contains("namespace=prod"), "{request:?}");
    }
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
