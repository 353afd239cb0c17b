# As for restart, and the error of a task that failed ends with what it wrote last.
namespace "default" {
  capabilities = ["read-job", "alloc-lifecycle", "read-logs"]
}
