# nomad-restart -reschedule <system job>, from Nomad 1.11.2 on; before, submit-job stands in for evaluate-job.
namespace "default" {
  capabilities = ["read-job", "alloc-lifecycle", "evaluate-job"]
}
