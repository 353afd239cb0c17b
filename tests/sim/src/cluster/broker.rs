//! The evaluation broker: one evaluation of a job at a time, the newest of those that wait, the rest
//! cancelled; blocked evaluations; and the transactions that an evaluation goes through.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::changes::Object;
use super::plan::Plan;
use super::state::{Due, State};
use super::tables::{EvalRef, JobRef};
use crate::model::Evaluation;

/// What one job has in the broker.
#[derive(Debug, Default)]
struct Queue {
    /// The evaluation that is being worked on, with the transactions that are still to come.
    work: Option<Work>,
    waiting: Vec<EvalRef>,
    blocked: Option<EvalRef>,
}

#[derive(Debug)]
struct Work {
    eval: EvalRef,
    steps: VecDeque<(i64, Step)>,
}

/// One transaction of an evaluation's processing.
#[derive(Debug)]
enum Step {
    /// The delayed evaluations that will reschedule failed allocations.
    FollowUps(Vec<Evaluation>),
    /// What could not be placed waits in an evaluation of its own.
    Block(Box<Evaluation>),
    /// An older blocked evaluation makes way.
    Unblock(EvalRef),
    Plan(Box<Plan>),
    /// Complete; the plan's summary is part of the evaluation.
    Complete(Box<Evaluation>),
    /// No scheduler gets through with it: it fails, and another one is put off.
    GiveUp,
    /// A blocked evaluation that still cannot be placed stays as it is, without a transaction.
    StillBlocked,
}

/// The broker.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    jobs: BTreeMap<JobRef, Queue>,
    needless: Vec<EvalRef>,
    cancel_planned: bool,
}

impl Broker {
    /// A purged job has nothing that waits for capacity.
    pub(crate) fn forget_blocked(&mut self, job: JobRef) {
        if let Some(queue) = self.jobs.get_mut(&job) {
            queue.blocked = None;
        }
    }
}

/// How long an evaluation is delivered to one scheduler after the other until it fails, in nanoseconds.
const DELIVERIES: i64 = 21_000_000_000;
/// `Wait` of a failed evaluation, from its last delivery.
const LAST_NACK: i64 = 20_000_000_000;
/// For how long the evaluation that follows a failed one is put off (recorded: 226 s).
const PUT_OFF: (i64, i64) = (180_000_000_000, 240_000_000_000);
/// The text of an evaluation that a newer one made needless.
const NEEDLESS: &str = "canceled after more recent eval was processed";

impl State {
    fn job_of_eval(&mut self, eval: EvalRef) -> JobRef {
        let eval = &self.tables.evals[eval];
        let (namespace, id) = (eval.namespace.clone(), eval.job_id.clone());
        self.tables.slot(&namespace, &id)
    }

    /// Gives the broker an evaluation that is stored already.
    pub(crate) fn enqueue(&mut self, eval: EvalRef) {
        let job = self.job_of_eval(eval);
        let queue = self.broker.jobs.entry(job).or_default();
        if queue.work.is_some() {
            queue.waiting.push(eval);
        } else {
            self.process(job, eval);
        }
    }

    /// A delayed evaluation's time has come.
    pub(crate) fn delayed(&mut self, eval: EvalRef) {
        if self.tables.evals[eval].status == "pending" {
            self.enqueue(eval);
        }
    }

    /// Something became free: blocked evaluations are tried again.
    pub(crate) fn capacity_appeared(&mut self) {
        let blocked: Vec<(JobRef, EvalRef)> = self
            .broker
            .jobs
            .iter()
            .filter_map(|(job, queue)| {
                let blocked = queue.blocked?;
                let queued = queue.waiting.contains(&blocked)
                    || queue.work.as_ref().is_some_and(|w| w.eval == blocked);
                (!queued).then_some((*job, blocked))
            })
            .collect();
        for (_, eval) in blocked {
            self.enqueue(eval);
        }
    }

    /// The scheduler takes an evaluation: it looks at the state as it is now, and the transactions
    /// that follow from it come a few milliseconds later, one after the other.
    fn process(&mut self, job: JobRef, reference: EvalRef) {
        let eval = (*self.tables.evals[reference]).clone();
        let was_blocked = eval.status == "blocked";
        let outcome = self.schedule(job, reference);
        if self.never_ends_well(job, outcome.plan.as_ref()) {
            // The servers keep the delay of the deliveries on the stored evaluation, without a transaction.
            let waits = Arc::make_mut(&mut self.tables.evals[reference]);
            waits.wait = LAST_NACK;
            let work = Work {
                eval: reference,
                steps: VecDeque::from([(DELIVERIES, Step::GiveUp)]),
            };
            self.broker.jobs.entry(job).or_default().work = Some(work);
            self.plan_in(DELIVERIES, Due::Work { job });
            return;
        }
        let mut steps = VecDeque::new();
        let mut done = eval.clone();
        done.snapshot_index = self.tables.index;
        done.plan_annotations = Some(outcome.annotations.clone().into());
        done.queued_allocations.clone_from(&outcome.queued);
        done.failed_tg_allocs.clone_from(&outcome.failed);
        let (plan_at, done_at) = (self.timing.plan, self.timing.evaluated);
        let (plan_at, done_at) = (self.draw(plan_at), self.draw(done_at));
        if !outcome.follow_ups.is_empty() {
            if let Some(first) = outcome.follow_ups.first() {
                done.next_eval.clone_from(&first.id);
            }
            steps.push_back((plan_at / 2, Step::FollowUps(outcome.follow_ups)));
        }
        // What a system job cannot place on any node does not wait.
        let fails =
            !outcome.failed.is_empty() && matches!(eval.r#type.as_str(), "service" | "batch");
        if fails && !was_blocked {
            let mut blocked = eval.clone();
            blocked.id = self.rng.uuid();
            blocked.status = "blocked";
            "created to place remaining allocations".clone_into(&mut blocked.status_description);
            blocked.triggered_by = "queued-allocs";
            blocked.previous_eval.clone_from(&eval.id);
            blocked.next_eval.clear();
            blocked.wait_until = None;
            blocked.create_time = self.now;
            blocked.snapshot_index = self.tables.index;
            blocked.failed_tg_allocs.clone_from(&outcome.failed);
            blocked.class_eligibility = outcome.class_eligibility;
            blocked.escaped_computed_class = outcome.escaped;
            done.blocked_eval.clone_from(&blocked.id);
            steps.push_back((plan_at / 3, Step::Block(Box::new(blocked))));
            let older = self.broker.jobs.get(&job).and_then(|queue| queue.blocked);
            if let Some(older) = older {
                steps.push_back((plan_at / 3, Step::Unblock(older)));
            }
        }
        if let Some(mut plan) = outcome.plan {
            plan.next_eval.clone_from(&done.next_eval);
            steps.push_back((plan_at, Step::Plan(Box::new(plan))));
        }
        if fails && was_blocked {
            steps.push_back((0, Step::StillBlocked));
        } else {
            done.status = "complete";
            done.status_description.clear();
            steps.push_back((done_at, Step::Complete(Box::new(done))));
        }
        let first = steps.front().map_or(0, |(delay, _)| *delay);
        let work = Work {
            eval: reference,
            steps,
        };
        self.broker.jobs.entry(job).or_default().work = Some(work);
        self.plan_in(first, Due::Work { job });
    }

    /// The next transaction of the evaluation that a job's scheduler works on.
    pub(crate) fn work(&mut self, job: JobRef) {
        let Some(queue) = self.broker.jobs.get_mut(&job) else {
            return;
        };
        let Some(work) = &mut queue.work else {
            return;
        };
        let eval = work.eval;
        let step = work.steps.pop_front();
        let next = work.steps.front().map(|(delay, _)| *delay);
        match step {
            Some((_, Step::FollowUps(evals))) => self.write_follow_ups(job, evals),
            Some((_, Step::Block(blocked))) => self.write_blocked(job, *blocked),
            Some((_, Step::Unblock(older))) => {
                let text = format!(
                    "existing blocked evaluation exists for job {:?}",
                    self.tables.evals[older].job_id
                );
                self.cancel(job, &[older], &text);
            }
            Some((_, Step::Plan(plan))) => self.apply_plan(job, eval, *plan),
            Some((_, Step::Complete(done))) => self.write_complete(job, eval, *done),
            Some((_, Step::GiveUp)) => self.write_failed(job, eval),
            Some((_, Step::StillBlocked)) | None => {}
        }
        match next {
            Some(delay) => self.plan_in(delay, Due::Work { job }),
            None => self.acknowledge(job),
        }
    }

    /// Does Nomad's scheduler fail with this plan (1.11.2: system jobs of several groups, unless a deployment
    /// runs or begins)?
    fn never_ends_well(&self, slot: JobRef, plan: Option<&Plan>) -> bool {
        let Some(job) = self.tables.job(slot) else {
            return false;
        };
        let deploying = self
            .tables
            .latest_deployment(slot)
            .is_some_and(|deployment| deployment.is_active());
        self.version.fails_system_evaluations()
            && job.kind == "system"
            && job.groups.len() > 1
            && !deploying
            && plan.is_some_and(|plan| !plan.places.is_empty() && plan.deployment.is_none())
    }

    fn write_failed(&mut self, job: JobRef, reference: EvalRef) {
        self.transaction();
        let mut failed = (*self.tables.evals[reference]).clone();
        let mut follow_up = failed.clone();
        follow_up.id = self.rng.uuid();
        follow_up.triggered_by = "failed-follow-up";
        follow_up.previous_eval.clone_from(&failed.id);
        follow_up.next_eval.clear();
        follow_up.create_time = self.now;
        follow_up.modify_time = self.now;
        follow_up.wait = self.draw(PUT_OFF);
        let due = self.now.plus(follow_up.wait);
        failed.status = "failed";
        "evaluation reached delivery limit (3)".clone_into(&mut failed.status_description);
        failed.modify_time = self.now;
        failed.next_eval.clone_from(&follow_up.id);
        let (_, failed) = self.tables.put_eval(job, failed);
        let (eval, follow_up) = self.tables.put_eval(job, follow_up);
        self.log(
            "EvaluationUpdated",
            vec![Object::Evaluation(failed), Object::Evaluation(follow_up)],
        );
        self.plan(due, Due::Delayed { eval });
    }

    fn write_follow_ups(&mut self, job: JobRef, evals: Vec<Evaluation>) {
        self.transaction();
        let mut objects = Vec::new();
        for eval in evals {
            let due = eval.wait_until.unwrap_or(self.now);
            let (reference, stored) = self.tables.put_eval(job, eval);
            objects.push(Object::Evaluation(stored));
            self.plan(due, Due::Delayed { eval: reference });
        }
        self.log("EvaluationUpdated", objects);
    }

    fn write_blocked(&mut self, job: JobRef, blocked: Evaluation) {
        self.transaction();
        let (reference, stored) = self.tables.put_eval(job, blocked);
        self.log("EvaluationUpdated", vec![Object::Evaluation(stored)]);
        self.broker.jobs.entry(job).or_default().blocked = Some(reference);
    }

    fn write_complete(&mut self, job: JobRef, reference: EvalRef, mut done: Evaluation) {
        self.transaction();
        done.modify_time = self.now;
        // Indexes as the plan's transaction left them.
        done.create_index = self.tables.evals[reference].create_index;
        done.deployment_id = self
            .tables
            .latest_deployment(job)
            .map_or_else(String::new, |deployment| deployment.id.clone());
        self.tables.set_queued(job, &done.queued_allocations);
        let (_, stored) = self.tables.put_eval(job, done);
        let mut objects = vec![Object::Evaluation(stored)];
        objects.extend(self.update_job_status(job));
        self.log("EvaluationUpdated", objects);
        if let Some(queue) = self.broker.jobs.get_mut(&job)
            && queue.blocked == Some(reference)
        {
            queue.blocked = None;
        }
    }

    /// The scheduler is done with an evaluation: of those that wait only the newest is worked on.
    fn acknowledge(&mut self, job: JobRef) {
        let evals = &self.tables.evals;
        let Some(queue) = self.broker.jobs.get_mut(&job) else {
            return;
        };
        queue.work = None;
        let newest = queue
            .waiting
            .iter()
            .copied()
            .max_by_key(|eval| (evals[*eval].priority, evals[*eval].modify_index));
        let Some(newest) = newest else {
            return;
        };
        let rest = std::mem::take(&mut queue.waiting);
        let rest = rest.into_iter().filter(|eval| *eval != newest);
        self.broker.needless.extend(rest);
        if !self.broker.needless.is_empty() && !self.broker.cancel_planned {
            self.broker.cancel_planned = true;
            let delay = self.timing.cancel;
            let delay = self.draw(delay);
            self.plan_in(delay, Due::Cancel);
        }
        self.process(job, newest);
    }

    /// Cancels what newer evaluations made needless, in one transaction.
    pub(crate) fn cancel_needless(&mut self) {
        self.broker.cancel_planned = false;
        let needless = std::mem::take(&mut self.broker.needless);
        let mut jobs: Vec<JobRef> = needless.iter().map(|e| self.job_of_eval(*e)).collect();
        jobs.dedup();
        self.transaction();
        let mut objects = Vec::new();
        for eval in needless {
            objects.extend(self.cancelled(eval, NEEDLESS));
        }
        self.log("EvaluationUpdated", objects);
    }

    fn cancel(&mut self, job: JobRef, evals: &[EvalRef], text: &str) {
        self.transaction();
        let mut objects = Vec::new();
        for eval in evals {
            objects.extend(self.cancelled(*eval, text));
            if let Some(queue) = self.broker.jobs.get_mut(&job) {
                queue.waiting.retain(|waiting| waiting != eval);
            }
        }
        self.log("EvaluationUpdated", objects);
    }

    pub(super) fn cancelled(&mut self, reference: EvalRef, text: &str) -> Option<Object> {
        let mut eval = (*self.tables.evals[reference]).clone();
        if !matches!(eval.status, "pending" | "blocked") {
            return None;
        }
        let job = self.job_of_eval(reference);
        eval.status = "canceled";
        text.clone_into(&mut eval.status_description);
        eval.modify_time = self.now;
        let (_, stored) = self.tables.put_eval(job, eval);
        if let Some(queue) = self.broker.jobs.get_mut(&job)
            && queue.blocked == Some(reference)
        {
            queue.blocked = None;
        }
        Some(Object::Evaluation(stored))
    }

    /// Sets a job's status from its allocations, deployment and evaluations; the changed job is part
    /// of the current transaction.
    pub(crate) fn update_job_status(&mut self, slot: JobRef) -> Option<Object> {
        let record = self.tables.jobs[slot].record.as_ref()?;
        let job = &record.job;
        let deploying = self
            .tables
            .latest_deployment(slot)
            .is_some_and(|deployment| deployment.is_active());
        let status = if job.is_parent() {
            if job.stop { "dead" } else { "running" }
        } else if record.live > 0 || ((deploying || job.kind == "system") && !job.stop) {
            "running"
        } else if record.open_evals > 0 || self.tables.jobs[slot].evals.is_empty() {
            "pending"
        } else {
            "dead"
        };
        if job.status == status {
            return None;
        }
        let mut changed = (**job).clone();
        changed.status = status;
        changed.modify_index = self.tables.index;
        let job = self.tables.put_job(slot, changed);
        Some(Object::Job {
            job,
            deleted: false,
        })
    }
}
