//! What a dry run is shown from.

use crate::nomad::json::DeploymentStatus;
use crate::plan::{Action, BatchMode, BatchSize, RestartPlan, Tasks};
use crate::rules::preview::preview;
use crate::rules::samples::{
    AllocationSample, allocation, in_place, job, named, plan, reschedule, task, time, versions,
    view,
};
use crate::rules::selection::select;

fn shown(plan: &RestartPlan) -> crate::event::Preview {
    let mut young = allocation("young", 7, 7)
        .with("app", task("running", 50.0))
        .with("side", task("running", 20.0))
        .with("init", task("dead", 2.0));
    young.node_id = "node-id".into();
    young.job_version = 3;
    young.deployment_status = Some(DeploymentStatus {
        healthy: Some(true),
        canary: false,
    });
    young.create_time = time(1.0).timestamp_nanos_opt().unwrap();
    let mut old = allocation("old", 5, 5).with("app", task("running", 1.0));
    old.node_name = "client-1".into();
    let all = vec![
        young,
        old,
        allocation("other", 4, 4)
            .in_group("api")
            .with("app", task("running", 1.0)),
        allocation("ended", 3, 3).client("complete"),
    ];
    let tasks: &[(&str, &str)] = &[("app", ""), ("side", "sidecar"), ("init", "prestart")];
    let versions = versions(vec![job(0, &[("web", tasks), ("api", tasks)])]);
    let view = view(all);
    let selection = select(&view, &versions, plan).expect("all names are known");
    preview(&view, plan, &selection)
}

#[test]
fn batches_in_processing_order_and_the_rest_with_reasons() {
    let only_web = RestartPlan {
        groups: vec!["web".to_owned()],
        ..plan(in_place())
    };
    let shown_by = |batch| {
        let preview = shown(&RestartPlan {
            batch,
            ..only_web.clone()
        });
        let planned: Vec<_> = preview
            .allocations
            .iter()
            .map(|it| (it.batch, it.allocation.to_string()))
            .collect();
        assert_eq!(preview.window, None);
        (preview.batches, planned)
    };
    let (young, old) = ("young".to_owned(), "old".to_owned());
    assert_eq!(
        shown_by(BatchSize::Count(1)),
        (2, vec![(1, young.clone()), (2, old.clone())])
    );
    assert_eq!(
        shown_by(BatchSize::Percent(100)),
        (1, vec![(1, young), (1, old)])
    );

    for (batch, window) in [
        (BatchSize::Count(1), 1),
        (BatchSize::Percent(100), 2),
        (BatchSize::Count(9), 2),
    ] {
        let preview = shown(&RestartPlan {
            batch,
            mode: BatchMode::Window,
            ..only_web.clone()
        });
        assert_eq!((preview.batches, preview.window), (1, Some(window)));
        assert!(preview.allocations.iter().all(|it| it.batch == 1));
    }

    let nothing = RestartPlan {
        mode: BatchMode::Window,
        started_before: Some(time(0.5)),
        ..only_web.clone()
    };
    let preview = shown(&nothing);
    assert_eq!((preview.allocations.len(), preview.window), (0, Some(1)));

    let left_out = |plan| {
        let left_out = shown(plan).left_out.into_iter();
        let texts = left_out.map(|it| format!("{} {}: {}", it.allocation, it.group, it.reason));
        texts.collect::<Vec<_>>()
    };
    let ended = "ended web: desired status is \"run\" and client status is \"complete\"";
    assert_eq!(left_out(&only_web), [ended]);
    // What was not asked for is of interest only to who wants everything.
    let verbose = RestartPlan {
        verbose: true,
        ..only_web.clone()
    };
    assert_eq!(
        left_out(&verbose),
        ["other api: it doesn't have any of requested groups", ended]
    );
}

#[test]
fn what_is_told_of_each() {
    let first = |action| shown(&plan(action)).allocations.remove(0);
    let it = first(in_place());
    assert_eq!(
        (&*it.group, &*it.node, it.version, it.healthy),
        ("web", "node-id", 3, Some(true))
    );
    // The tasks that are restarted count, the first of them.
    for (action, since) in [
        (in_place(), 20.0),
        (Action::InPlace(Tasks::All), 2.0),
        (named(&["app"]), 50.0),
        (reschedule(), 1.0),
    ] {
        assert_eq!(first(action.clone()).since, Some(time(since)), "{action:?}");
    }
    let second = shown(&plan(in_place())).allocations.remove(1);
    assert_eq!((&*second.node, second.healthy), ("client-1", None));
}
