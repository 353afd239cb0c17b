//! Where an allocation goes: which nodes are feasible, which one scores best, and what is said when
//! there is none.

use std::collections::BTreeMap;

use super::constraints::satisfied;
use super::rng::Rng;
use super::tables::{NodeRef, Tables};
use crate::model::{AllocMetric, Constraint, Job, Node, ScoreMeta, TaskGroup};

/// Places the allocations of one evaluation: it remembers what earlier placements took.
pub(crate) struct Placer<'a> {
    tables: &'a Tables,
    job: &'a Job,
    /// What is taken on each node, with the plan's stops and placements.
    used: Vec<[u64; 3]>,
    /// Allocations of the job on each node, by group.
    here: BTreeMap<&'a str, Vec<u32>>,
}

/// Why a group could not be placed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure {
    pub(crate) metric: AllocMetric,
    /// By computed class of the nodes: can it be placed there as far as the class decides?
    pub(crate) classes: BTreeMap<String, bool>,
    /// A constraint names something that differs between nodes of one class.
    pub(crate) escaped: bool,
}

/// Outcome of the checks of one node.
enum Check {
    Fits,
    Filtered(String),
    Exhausted(&'static str),
}

impl<'a> Placer<'a> {
    pub(crate) fn new(tables: &'a Tables, job: &'a Job) -> Self {
        Self {
            tables,
            job,
            used: tables.used.clone(),
            here: BTreeMap::new(),
        }
    }

    /// An allocation of the job that stays on its node.
    pub(crate) fn keeps(&mut self, group: &'a str, node: NodeRef) {
        let count = self.tables.nodes.len();
        self.here.entry(group).or_insert_with(|| vec![0; count])[node] += 1;
    }

    /// An allocation that the plan stops: its resources are free.
    pub(crate) fn frees(&mut self, group: &TaskGroup, node: NodeRef) {
        let (cpu, memory, disk) = group.demand();
        for (used, demand) in self.used[node].iter_mut().zip([cpu, memory, disk]) {
            *used = used.saturating_sub(demand);
        }
    }

    /// Finds the best node for one more allocation of a group; `avoid` is where it failed before.
    pub(crate) fn place(
        &mut self,
        group: &'a TaskGroup,
        avoid: Option<&str>,
        rng: &mut Rng,
    ) -> Result<(NodeRef, AllocMetric), Box<Failure>> {
        let mut metric = AllocMetric {
            allocation_time: rng.within((5_000, 120_000)),
            node_pool: self.job.node_pool.clone(),
            nodes_available: Some(BTreeMap::new()),
            ..AllocMetric::default()
        };
        let mut failure = Failure::default();
        let mut scores = Vec::new();
        for (reference, node) in self.tables.nodes.iter().enumerate() {
            if !node.is_usable() || !self.in_reach(node) {
                continue;
            }
            metric.nodes_in_pool += 1;
            metric.nodes_evaluated += 1;
            *metric
                .nodes_available
                .get_or_insert_default()
                .entry(node.datacenter.clone())
                .or_default() += 1;
            match self.check(reference, node, group) {
                Check::Fits => {
                    failure.classes.insert(node.computed_class.clone(), true);
                    scores.push((reference, self.score(reference, node, group, avoid)));
                }
                Check::Filtered(reason) => {
                    // Counting hosts says nothing about the class of a node.
                    let class_decides = reason != "distinct_hosts";
                    failure.escaped |= reason.contains("unique.");
                    failure
                        .classes
                        .insert(node.computed_class.clone(), !class_decides);
                    metric.nodes_filtered += 1;
                    let reasons = metric.constraint_filtered.get_or_insert_default();
                    *reasons.entry(reason).or_default() += 1;
                }
                Check::Exhausted(dimension) => {
                    failure.classes.insert(node.computed_class.clone(), true);
                    metric.nodes_exhausted += 1;
                    let reasons = metric.dimension_exhausted.get_or_insert_default();
                    *reasons.entry(dimension.to_owned()).or_default() += 1;
                    exhausted(&mut metric, group, dimension);
                }
            }
        }
        scores.sort_by(|(_, a), (_, b)| b.norm_score.total_cmp(&a.norm_score));
        let Some((node, best)) = scores.first() else {
            failure.metric = metric;
            return Err(Box::new(failure));
        };
        // Nodes of the same score are as good as each other.
        let equal = scores
            .iter()
            .take_while(|(_, score)| score.norm_score.total_cmp(&best.norm_score).is_eq())
            .count();
        let picks = i64::try_from(equal).unwrap_or(1) - 1;
        let pick = usize::try_from(rng.within((0, picks))).unwrap_or(0);
        let node = scores.get(pick).map_or(*node, |(node, _)| *node);
        let shown = scores.into_iter().take(5).map(|(_, score)| score);
        metric.score_meta_data = Some(shown.collect());
        self.takes(node, group);
        Ok((node, metric))
    }

    /// Places an allocation on this very node; `None` if the node is none of the job's.
    pub(crate) fn place_on(
        &mut self,
        node: NodeRef,
        group: &'a TaskGroup,
        rng: &mut Rng,
    ) -> Option<Result<AllocMetric, Box<Failure>>> {
        let stored = &self.tables.nodes[node];
        if !self.in_reach(stored) {
            return None;
        }
        let mut metric = AllocMetric {
            allocation_time: rng.within((5_000, 120_000)),
            nodes_evaluated: 1,
            ..AllocMetric::default()
        };
        match self.check(node, stored, group) {
            Check::Fits => {
                for other in &self.tables.nodes {
                    if other.is_usable() && self.in_reach(other) {
                        metric.nodes_in_pool += 1;
                        let datacenter = other.datacenter.clone();
                        let counts = metric.nodes_available.get_or_insert_default();
                        *counts.entry(datacenter).or_default() += 1;
                    }
                }
                let mut score = self.score(node, stored, group, None);
                // No other node competes, so nothing but the packing is scored.
                score.scores.retain(|scorer, _| *scorer == "binpack");
                score.norm_score = score.scores.values().sum();
                metric.score_meta_data = Some(vec![score]);
                self.takes(node, group);
                Some(Ok(metric))
            }
            Check::Filtered(reason) => {
                metric.nodes_filtered = 1;
                metric.constraint_filtered = Some(BTreeMap::from([(reason, 1)]));
                Some(Err(Box::new(Failure {
                    metric,
                    ..Failure::default()
                })))
            }
            Check::Exhausted(dimension) => {
                metric.nodes_exhausted = 1;
                metric.dimension_exhausted = Some(BTreeMap::from([(dimension.to_owned(), 1)]));
                exhausted(&mut metric, group, dimension);
                Some(Err(Box::new(Failure {
                    metric,
                    ..Failure::default()
                })))
            }
        }
    }

    /// One more allocation of a group is on a node.
    fn takes(&mut self, node: NodeRef, group: &'a TaskGroup) {
        let (cpu, memory, disk) = group.demand();
        for (used, demand) in self.used[node].iter_mut().zip([cpu, memory, disk]) {
            *used += demand;
        }
        let count = self.tables.nodes.len();
        self.here
            .entry(group.name.as_str())
            .or_insert_with(|| vec![0; count])[node] += 1;
    }

    fn in_reach(&self, node: &Node) -> bool {
        let datacenter = self.job.datacenters.iter().any(|wanted| {
            wanted
                .strip_suffix('*')
                .map_or(*wanted == node.datacenter, |prefix| {
                    node.datacenter.starts_with(prefix)
                })
        });
        datacenter && (self.job.node_pool == "all" || self.job.node_pool == node.pool)
    }

    fn on_node(&self, group: &str, node: NodeRef) -> u32 {
        self.here
            .get(group)
            .and_then(|nodes| nodes.get(node))
            .copied()
            .unwrap_or(0)
    }

    fn check(&self, reference: NodeRef, node: &Node, group: &TaskGroup) -> Check {
        let of_tasks = group.tasks.iter().filter_map(|t| t.constraints.as_deref());
        let constraints = self
            .job
            .constraints
            .iter()
            .chain(group.constraints.iter().flatten())
            .chain(of_tasks.flatten());
        for constraint in constraints {
            if constraint.operand == "distinct_hosts" {
                let group_only = group
                    .constraints
                    .iter()
                    .flatten()
                    .any(|c| std::ptr::eq(c, constraint));
                let others: u32 = if group_only {
                    self.on_node(&group.name, reference)
                } else {
                    let groups = self.here.values();
                    groups.filter_map(|n| n.get(reference)).sum()
                };
                if others > 0 {
                    return Check::Filtered("distinct_hosts".to_owned());
                }
            } else if !satisfied(constraint, node) {
                let Constraint {
                    l_target,
                    operand,
                    r_target,
                } = constraint;
                return Check::Filtered(format!("{l_target} {operand} {r_target}"));
            }
        }
        if group
            .tasks
            .iter()
            .any(|task| !node.drivers.contains(&task.driver))
        {
            return Check::Filtered("missing drivers".to_owned());
        }
        let (cpu, memory, disk) = group.demand();
        let used = self.used[reference];
        if used[0] + cpu > node.cpu {
            return Check::Exhausted("cpu");
        }
        if used[1] + memory > node.memory_mb {
            return Check::Exhausted("memory");
        }
        if used[2] + disk > node.disk_mb {
            return Check::Exhausted("disk");
        }
        Check::Fits
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "MHz and MB of a node are far below 2^52"
    )]
    fn score(
        &self,
        reference: NodeRef,
        node: &Node,
        group: &TaskGroup,
        avoid: Option<&str>,
    ) -> ScoreMeta {
        let (cpu, memory, _) = group.demand();
        let used = self.used[reference];
        let free = |used: u64, all: u64| 1.0 - used as f64 / all.max(1) as f64;
        let exponents = [
            free(used[0] + cpu, node.cpu),
            free(used[1] + memory, node.memory_mb),
        ];
        let total: f64 = exponents.iter().map(|free| 10_f64.powf(*free)).sum();
        let binpack = (20.0 - total).clamp(0.0, 18.0) / 18.0;
        let collisions = self.on_node(&group.name, reference);
        let anti_affinity = if collisions == 0 {
            0.0
        } else {
            -f64::from(collisions + 1) / f64::from(group.count.max(1))
        };
        let penalty = if avoid == Some(node.id.as_str()) {
            -1.0
        } else {
            0.0
        };
        // Scorers that do not apply do not count for the mean.
        let counted = [anti_affinity, penalty].into_iter().filter(|s| *s != 0.0);
        let (sum, number) = counted.fold((binpack, 1.0), |(sum, n), s| (sum + s, n + 1.0));
        ScoreMeta {
            node_id: node.id.clone(),
            norm_score: sum / number,
            scores: BTreeMap::from([
                ("binpack", binpack),
                ("job-anti-affinity", anti_affinity),
                ("node-affinity", 0.0),
                ("node-reschedule-penalty", penalty),
            ]),
        }
    }
}

/// Adds what a group asks for to the resources that ran out.
pub(crate) fn exhausted(metric: &mut AllocMetric, group: &TaskGroup, dimension: &str) {
    let all = metric.resources_exhausted.get_or_insert_default();
    for task in &group.tasks {
        let entry = all.entry(task.name.clone()).or_insert_with(|| {
            serde_json::json!({"CPU": 0, "Cores": 0, "Devices": null, "DiskMB": 0, "IOPS": 0,
                "MemoryMB": 0, "MemoryMaxMB": 0, "NUMA": null, "Networks": null, "SecretsMB": 0})
        });
        let (key, more) = match dimension {
            "cpu" => ("CPU", task.resources.cpu),
            "memory" => ("MemoryMB", task.resources.memory_mb),
            _ => continue,
        };
        let before = entry.get(key).and_then(serde_json::Value::as_u64);
        entry[key] = (before.unwrap_or(0) + more).into();
    }
}
