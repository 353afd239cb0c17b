# nomad-restart <prefix>: the job is looked for in the list.
namespace "default" {
  capabilities = ["list-jobs", "read-job", "alloc-lifecycle"]
}
