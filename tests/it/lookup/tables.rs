//! Several jobs that match: the table, over all pages and namespaces.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{job, name_only, namespaces, restarted, run};
use crate::jobs::{in_namespace, serving, settle};
use crate::support::{Served, runtime};

/// The submit dates of these jobs as the table shows them with `TZ=UTC`.
fn dates<const N: usize>(served: &Served, jobs: [(&str, &str); N]) -> [String; N] {
    jobs.map(|(namespace, id)| {
        let nanos = served
            .cluster()
            .read(|state| state.job(namespace, id).unwrap().submit_time.0);
        DateTime::<Utc>::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}

/// T41, T46: the table, cell by cell.
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
