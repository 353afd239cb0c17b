//! Dry runs: no write reaches the cluster, nothing is asked, and the exit code tells whether there is work.

use super::Case;
use crate::seeds::told::What;
use crate::seeds::tty::Entry;

pub(super) fn check(case: &mut Case<'_>) {
    let run = case.run;
    let mut broken = Vec::new();
    for request in run.requests.iter().filter(|it| it.method != "GET") {
        broken.push(format!(
            "a dry run sent {} {}",
            request.method, request.path
        ));
    }
    for (_, entry) in &run.log {
        if let Entry::Prompt(text) = entry {
            broken.push(format!("a dry run asked {text}"));
        }
    }
    if case.facts.closed().is_none() {
        let found = planned(case);
        let work = if run.plot.command.detailed { 7 } else { 0 };
        match run.code.unwrap_or_default() {
            code if code == work && found > Some(0) => {}
            0 if found == Some(0) => {}
            1 | 5 | 129.. if !run.plot.calm => {}
            code => broken.push(format!(
                "exit code {code} of a dry run that found {found:?}"
            )),
        }
        if run.plot.calm
            && run.plot.deploying.is_none()
            && !run.plot.command.by_age()
            && found != Some(super::wanted(case.run).count())
        {
            broken.push(format!(
                "a dry run found {found:?} of {}",
                super::wanted(case.run).count()
            ));
        }
    }
    case.broken.extend(broken);
}

/// How many allocations it would restart, in its words.
fn planned(case: &Case<'_>) -> Option<usize> {
    case.told.iter().find_map(|told| match &told.what {
        What::Selected(n) => Some(*n),
        What::Other(text) if text.starts_with("No allocations to restart") => Some(0),
        What::Other(text) => {
            let (number, _) = text.strip_prefix("Dry run: ")?.split_once(' ')?;
            number.parse().ok()
        }
        _ => None,
    })
}
