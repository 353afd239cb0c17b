# Restarts, every Monday at four, the allocations of the job "web" that have run for more than a week.
#
# It reaches Nomad over the task API, a Unix socket in the task's secrets directory, with the task's own identity as the token. What that
# identity may do is a policy for this job:
#
#   nomad acl policy apply -namespace default -job weekly-refresh weekly-refresh tests/examples/acl/restart.policy.hcl
job "weekly-refresh" {
  type = "batch"

  periodic {
    crons            = ["0 4 * * 1"]
    time_zone        = "UTC"
    prohibit_overlap = true
  }

  group "refresh" {
    # What was not restarted is old enough next time too.
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "nomad-restart" {
      # The nodes have the package installed.
      driver = "exec"

      config {
        command = "/usr/bin/nomad-restart"
        args    = ["-yes", "-older-than=168h", "-batch-size=10%", "-on-deployment=wait", "-exact", "web"]
      }

      # Puts the token into NOMAD_TOKEN.
      identity {
        env = true
      }

      env {
        NOMAD_ADDR = "unix://${NOMAD_SECRETS_DIR}/api.sock"
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
