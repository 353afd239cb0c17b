# nomad-restart -dry-run <job id>: looks, and changes nothing.
namespace "default" {
  capabilities = ["read-job"]
}
