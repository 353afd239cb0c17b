//! Options that `nomad job restart` does not have: dry runs, ages and runs that continue another one, limits to failures, waiting for
//! deployments, sliding windows, and exit codes that tell causes apart.

mod age;
mod codes;
mod deployments;
mod dry_run;
mod failures;
mod killed;
mod resume;
mod window;

use nomad_sim::cluster::Cluster;

use crate::memory::scene::Scene;

/// `nomad-restart args… web` on this cluster.
pub(crate) fn scene(cluster: &Cluster, args: &[&str]) -> Scene {
    let mut scene = Scene::of(cluster);
    for arg in args {
        scene = scene.args([*arg]);
    }
    scene.args(["web"])
}
