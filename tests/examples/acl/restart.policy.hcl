# nomad-restart <job id>, in place or with -reschedule. Not for system jobs with -reschedule.
namespace "default" {
  capabilities = ["read-job", "alloc-lifecycle"]
}
