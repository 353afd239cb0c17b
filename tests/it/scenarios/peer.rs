//! T1–T70: what the peer's own tests check, and where it is checked here.
//!
//! What this program does where it differs is in the third column; "the same" is what the peer does. See the module above for what a
//! row promises.
//!
//! | | scenario | this program | tested in |
//! |---|---|---|---|
//! | T1 | No argument | the same | `src/plan/tests.rs`: `one_job`; `tests/it/usage/mod.rs`: `anything_but_one_job` |
//! | T2 | Three arguments | the same | `src/plan/tests.rs`: `one_job`; `tests/it/usage/mod.rs`: `anything_but_one_job` |
//! | T3 | Two `-task` and two `-group` | the same | `src/plan/tests.rs`: `groups_and_tasks` |
//! | T4 | `-all-tasks` is accepted | the same | `src/plan/tests.rs`: `task_conflicts`; `tests/it/memory/in_place.rs`: `all_tasks_starts_with_the_prestart_task` |
//! | T5 | `-all-tasks` with `-task` | the same | `src/plan/tests.rs`: `task_conflicts`; `tests/it/usage/values.rs`: `values_and_combinations` |
//! | T6 | `-batch-size 10` is a number | the same | `src/plan/tests/values.rs`: `batch_sizes`; `src/rules/batches.rs`: `sizes_are_rounded_up_and_never_zero` |
//! | T7 | `-batch-size 10%` is a share | the same | `src/plan/tests/values.rs`: `batch_sizes`; `src/rules/batches.rs`: `sizes_are_rounded_up_and_never_zero` |
//! | T8 | Batch size `not-valid` | the same | `src/plan/tests/values.rs`: `batch_sizes_that_are_none`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | T9 | Batch size `1.5` | the same | `src/plan/tests/values.rs`: `batch_sizes_that_are_none`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | T10 | Batch size `0` | the same | `src/plan/tests/values.rs`: `batch_sizes_that_are_none`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | T11 | Batch size `1.5%` | the same | `src/plan/tests/values.rs`: `batch_sizes_that_are_none`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | T12 | Batch size `0%` | the same | `src/plan/tests/values.rs`: `batch_sizes_that_are_none`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | T13 | Batch size `15%10%` | the same | `src/plan/tests/values.rs`: `batch_sizes_that_are_none`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | T14 | `-batch-wait ask` without terminal and `-yes` | the same, and the hint names the ways out | `src/plan/tests/values.rs`: `ask_needs_a_terminal_or_yes`; `tests/it/usage/values.rs`: `questions_without_a_terminal` |
//! | T15 | `-batch-wait 10s` | the same | `src/plan/tests/values.rs`: `batch_waits`; `tests/it/usage/values.rs`: `durations` |
//! | T16 | `-batch-wait 10` lacks its unit | the same | `src/plan/tests/values.rs`: `batch_waits`; `tests/it/usage/values.rs`: `durations` |
//! | T17 | `-on-error fail` needs no terminal | the same | `src/plan/tests/values.rs`: `ask_needs_a_terminal_or_yes`; `tests/it/usage/values.rs`: `questions_without_a_terminal` |
//! | T18 | `-on-error invalid` | the same | `src/plan/tests/values.rs`: `on_error_values`; `tests/it/usage/values.rs`: `values_and_combinations` |
//! | T19 | `-no-shutdown-delay` is accepted | in place with a warning (D8) | `src/plan/tests.rs`: `options_without_effect_are_said` |
//! | T20 | `-reschedule` is accepted | the same | `src/plan/tests.rs`: `task_conflicts` |
//! | T21 | `-reschedule` with `-task` | the same | `src/plan/tests.rs`: `task_conflicts`; `tests/it/usage/values.rs`: `values_and_combinations` |
//! | T22 | `-verbose` shows whole ids | the same | `src/plan/tests.rs`: `options_without_effect_are_said`; `src/report/human/tests.rs`: `whole_ids_and_details_with_verbose` |
//! | T23 | By default, all at once: what runs is restarted, a finished prestart task is not | the same | `tests/it/memory/in_place.rs`: `by_default_what_runs_is_restarted_and_what_has_finished_is_not`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T24 | One named task in all groups | the same | `tests/it/memory/in_place.rs`: `one_named_task_in_one_group`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T25 | Two named tasks, each where it exists | the same | `tests/it/memory/in_place.rs`: `named_tasks_in_every_allocation_that_has_them`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T26 | `-all-tasks`: the prestart task too | the same | `tests/it/memory/in_place.rs`: `all_tasks_starts_with_the_prestart_task`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T27 | One group only | the same | `tests/it/memory/in_place.rs`: `one_named_task_in_one_group`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T28 | A named task that has finished | the same error, without a call | `tests/it/memory/in_place.rs`: `a_named_task_that_has_finished_is_an_error_and_not_touched`; `tests/it/gaps/kinds.rs`: `a_finished_task_of_a_batch_job_cannot_be_named`; `src/rules/selection/tests.rs`: `a_named_task_that_does_not_run_is_marked`; `src/rules/verdict/tests/causes.rs`: `a_named_task_that_does_not_run_is_an_error_without_a_call` |
//! | T29 | One task in one group | the same | `tests/it/memory/in_place.rs`: `one_named_task_in_one_group`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T30 | Two tasks in one group | the same | `tests/it/memory/in_place.rs`: `one_named_task_in_one_group`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T31 | `-all-tasks` in one group | the same | `tests/it/memory/in_place.rs`: `all_tasks_starts_with_the_prestart_task`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_restarted_in_place_like_a_service` |
//! | T32 | Batches of 3 of 5, and one wait between them | the same | `tests/it/memory/in_place.rs`: `batches_with_a_wait_between_them`; `tests/it/gaps/kinds.rs`: `a_batch_job_waits_between_batches_like_a_service` |
//! | T33 | The same with `50%` | the same | `tests/it/memory/in_place.rs`: `batches_with_a_wait_between_them`; `tests/it/gaps/kinds.rs`: `a_batch_job_waits_between_batches_like_a_service` |
//! | T34 | `-batch-wait ask -yes` neither asks nor waits | the same | `tests/it/memory/in_place.rs`: `yes_neither_asks_nor_waits`; `src/plan/tests/values.rs`: `ask_needs_a_terminal_or_yes`; `src/rules/policy/tests.rs`: `what_follows_a_batch` |
//! | T35 | `-reschedule` in batches of 3 | the same | `tests/it/memory/reschedule.rs`: `in_batches`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_rescheduled_like_a_service` |
//! | T36 | `-reschedule` of one group | the same | `tests/it/memory/reschedule.rs`: `one_group_only`; `tests/it/gaps/kinds.rs`: `a_batch_job_is_rescheduled_like_a_service` |
//! | T37 | System job on 3 nodes with `-reschedule -verbose` | one evaluation for each batch | `tests/it/system/system_jobs.rs`: `one_by_one` |
//! | T38 | Sysbatch job with `-reschedule` | the same | `tests/it/system/batch.rs`: `sysbatch_jobs_are_refused` |
//! | T39 | Prefix of one job in the namespace | with `-yes` or after a question only (D3) | `tests/it/lookup/mod.rs`: `a_prefix_of_one_job` |
//! | T40 | Unknown job | the same | `tests/it/lookup/mod.rs`: `no_match` |
//! | T41 | Ambiguous prefix in a namespace | the same | `tests/it/lookup/tables.rs`: `several_matches` |
//! | T42 | Ambiguous prefix over all namespaces | the same | `tests/it/lookup/tables.rs`: `several_matches_in_all_namespaces` |
//! | T43 | Prefix of one job over all namespaces | the same | `tests/it/lookup/mod.rs`: `a_prefix_of_one_job_in_any_namespace` |
//! | T44 | The exact id wins over longer ones | the same | `tests/it/lookup/mod.rs`: `an_exact_id` |
//! | T45 | Partial id of one job | as T39 | `tests/it/lookup/mod.rs`: `a_prefix_of_one_job` |
//! | T46 | Partial id of several jobs | the same | `tests/it/lookup/tables.rs`: `several_matches` |
//! | T47 | Partial id of none | the same | `tests/it/lookup/mod.rs`: `no_match` |
//! | T48 | The same id in two namespaces, over all | the same | `tests/it/lookup/tables.rs`: `several_matches_in_all_namespaces` |
//! | T49 | Job that could never be placed | the same | `tests/it/memory/left_out.rs`: `nothing_is_eligible`; `src/rules/selection/tests.rs`: `the_counts_name_what_was_asked_for_only` |
//! | T50 | `-reschedule` with no eligible node | the same | `tests/it/memory/placements.rs`: `nowhere_to_go`; `tests/it/terminal/midrun.rs`: `q4_after_a_placement_failure_names_the_causes_under_the_error` |
//! | T51 | Chain of three replacements | the same | `tests/it/memory/reschedule.rs`: `a_replacement_that_is_replaced_twice`; `src/view/tests/links.rs`: `links_lead_to_the_end_of_the_chain` |
//! | T52 | Running canary deployment with `-on-error fail -verbose` | the same, and what to do about it | `src/rules/guard.rs`: `the_text_names_the_job_and_what_to_do`; `tests/it/memory/policy.rs`: `a_deployment_that_runs_at_the_start`; `tests/it/gaps/life.rs`: `a_deployment_is_named_in_full_with_verbose` |
//! | T53 | `-reschedule` waits for shutdown_delay | the same | `tests/it/memory/reschedule.rs`: `with_and_without_the_shutdown_delay` |
//! | T54 | … but not with `-no-shutdown-delay` | the same | `tests/it/memory/reschedule.rs`: `with_and_without_the_shutdown_delay` |
//! | T55 | `-on-error fail`, second restart of three fails: two requests | the same | `tests/it/memory/policy.rs`: `on_error_fail_stops_after_the_batch`; `src/rules/policy/tests.rs`: `what_follows_a_batch` |
//! | T56 | No token | the same | `tests/it/lookup/tokens.rs`: `what_a_token_needs`; `tests/it/faults/access.rs`: `each_action_needs_read_job_and_alloc_lifecycle` |
//! | T57 | Only alloc-lifecycle | the same | `tests/it/lookup/tokens.rs`: `what_a_token_needs`; `tests/it/faults/access.rs`: `each_action_needs_read_job_and_alloc_lifecycle` |
//! | T58 | Only read-job | the same | `tests/it/lookup/tokens.rs`: `a_token_that_may_only_read`; `src/rules/verdict/tests/causes.rs`: `refused_calls_keep_nomads_words`; `tests/it/faults/access.rs`: `each_action_needs_read_job_and_alloc_lifecycle` |
//! | T59 | Both, exact id | the same | `tests/it/lookup/tokens.rs`: `what_a_token_needs`; `tests/it/faults/access.rs`: `each_action_needs_read_job_and_alloc_lifecycle` |
//! | T60 | Both, a prefix: no list-jobs, so it can only be an id | the same | `tests/it/lookup/tokens.rs`: `what_a_token_needs`; `tests/it/faults/access.rs`: `a_prefix_needs_list_jobs` |
//! | T61 | … plus list-jobs | the same | `tests/it/lookup/tokens.rs`: `what_a_token_needs`; `tests/it/faults/access.rs`: `a_prefix_needs_list_jobs` |
//! | T62 | Filter by group | the same | `src/rules/selection/tests/scope.rs`: `groups_and_tasks_of_old_versions_are_found` |
//! | T63 | … by a group of an old version | the same | `src/rules/selection/tests/scope.rs`: `groups_and_tasks_of_old_versions_are_found` |
//! | T64 | … by task | the same | `src/rules/selection/tests/scope.rs`: `groups_and_tasks_of_old_versions_are_found` |
//! | T65 | … by a task of an old version | the same | `src/rules/selection/tests/scope.rs`: `groups_and_tasks_of_old_versions_are_found` |
//! | T66 | … by two groups and a task of one of them | the same | `src/rules/selection/tests/scope.rs`: `groups_and_tasks_of_old_versions_are_found` |
//! | T67 | No filter | client-terminal and stopping ones are left out too (D26) | `src/rules/selection/tests/scope.rs`: `groups_and_tasks_of_old_versions_are_found` |
//! | T68 | Unknown group | an error that lists the known ones (D6) | `tests/it/memory/left_out.rs`: `unknown_groups_and_tasks_are_errors`; `src/rules/selection/tests.rs`: `names_that_nothing_has_are_an_error_that_lists_the_known_ones` |
//! | T69 | Unknown task | as T68 | `tests/it/memory/left_out.rs`: `unknown_groups_and_tasks_are_errors`; `src/rules/selection/tests.rs`: `names_that_nothing_has_are_an_error_that_lists_the_known_ones` |
//! | T70 | Group and task that never go together | an error | `tests/it/memory/left_out.rs`: `unknown_groups_and_tasks_are_errors`; `src/rules/selection/tests.rs`: `names_that_nothing_has_are_an_error_that_lists_the_known_ones` |
