//! D1–D83: defects and odd behaviours of the peer, what this program does instead, and where that is checked.
//!
//! "Kept" are those that scripts may rely on (class K of the catalogue).
//!
//! | | the peer | this program | tested in |
//! |---|---|---|---|
//! | D1 | The skip line swaps the two states | right order | `src/rules/selection/tests.rs`: `state_decides_who_is_eligible`; `tests/it/memory/left_out.rs`: `failed_and_stopped_ones` |
//! | D2 | An empty id matches every job | a usage error | `src/plan/tests.rs`: `the_job_id`; `tests/it/usage/mod.rs`: `an_empty_job` |
//! | D3 | A prefix of one job is restarted unasked | asked at a terminal, else only with `-yes`, and said | `tests/it/lookup/mod.rs`: `a_prefix_of_one_job`; `tests/it/terminal/early.rs`: `a_prefix_of_one_job_is_restarted_after_a_yes`, `a_prefix_of_one_job_is_left_alone_unless_confirmed` |
//! | D4 | The namespace is dropped without list-jobs | never | `tests/it/lookup/tokens.rs`: `the_namespace_is_never_dropped`; `tests/it/connection/mod.rs`: `what_every_call_carries` |
//! | D5 | Only one page is looked at | exact id first, then all pages | `tests/it/lookup/tables.rs`: `more_matches_than_a_page_holds` |
//! | D6 | Unknown groups and tasks end in "nothing to do" | an error that lists the known ones | `tests/it/lookup/mod.rs`: `unknown_groups_and_tasks`; `tests/it/memory/left_out.rs`: `unknown_groups_and_tasks_are_errors`; `src/rules/selection/tests.rs`: `names_that_nothing_has_are_an_error_that_lists_the_known_ones` |
//! | D7 | An empty name never matches | a usage error | `src/plan/tests.rs`: `groups_and_tasks`; `tests/it/usage/values.rs`: `values_and_combinations`; `src/rules/selection/tests.rs`: `names_that_nothing_has_are_an_error_that_lists_the_known_ones` |
//! | D8 | `-no-shutdown-delay` is silently ignored in place | a warning | `src/plan/tests.rs`: `options_without_effect_are_said`; `tests/it/usage/help.rs`: `options_without_effect_are_warned_about` |
//! | D9 | `-all-tasks` is silently ignored with `-reschedule` | a warning | `src/plan/tests.rs`: `options_without_effect_are_said`; `tests/it/usage/help.rs`: `options_without_effect_are_warned_about` |
//! | D10 | The default needs a terminal | kept; the hint names the ways out | `src/plan/tests/values.rs`: `ask_needs_a_terminal_or_yes`; `tests/it/usage/values.rs`: `questions_without_a_terminal` |
//! | D11 | `-on-error=ASK` is refused | both in any case | `src/plan/tests/values.rs`: `ask_needs_a_terminal_or_yes`; `tests/it/usage/values.rs`: `questions_without_a_terminal` |
//! | D12 | Negative waits | a usage error; no answer either | `src/plan/tests/values.rs`: `batch_waits`; `src/cli/duration/tests.rs`: `answers_are_not_negative`; `tests/it/usage/values.rs`: `durations` |
//! | D13 | Huge percentages overflow | above 100% is all | `src/plan/tests/values.rs`: `batch_sizes`; `src/rules/batches.rs`: `sizes_are_rounded_up_and_never_zero`; `tests/it/usage/values.rs`: `batch_sizes` |
//! | D14 | The share is of the eligible ones | kept, and the help says so | `src/rules/selection/tests/scope.rs`: `the_base_counts_after_groups_tasks_and_state`; `src/cli/help/tests.rs`: `is_this` |
//! | D15 | Flags behind the id give the argument error | they count; a switch with a separate value gets a hint | `src/plan/tests.rs`: `one_job`; `tests/it/usage/mod.rs`: `anything_but_one_job` |
//! | D16 | `-h` as a value is help | only in the place of a flag | `src/cli/go_flags/tests.rs`: `help_and_version`; `tests/it/usage/help.rs`: `help`, `help_only_in_the_place_of_a_flag`; `tests/it/usage/mod.rs`: `flags_that_go_would_refuse` |
//! | D17 | `-no-color=true` has no effect | it has | `src/cli/tests.rs`: `colour_switches`; `tests/it/streams/colours.rs`: `colours_switched_off_and_on` |
//! | D18 | stderr is coloured by stdout | each stream for itself | `src/report/style.rs`: `each_stream_by_flags_then_variables_then_terminal`; `tests/it/streams/colours.rs`: `colours_by_stream` |
//! | D19 | `NO_COLOR` and the rest switch half of it | one switch for everything | `src/report/style.rs`: `each_stream_by_flags_then_variables_then_terminal`; `tests/it/streams/colours.rs`: `colours_switched_off_and_on` |
//! | D20 | A variable of another command prints a warning | it means nothing here | `tests/it/usage/help.rs`: `variables_that_do_not_concern_this_program` |
//! | D21 | `-group` is missing from the completion | not kept: the framework's completion is dropped (design 3.1), scripts are for `-generate` (3.2), still to come |  |
//! | D22 | Crashes on odd 200 answers | an error | `src/nomad/client/tests.rs`: `objects_without_an_identity`; `src/nomad/json/damaged_tests.rs`: `mutated_bodies_do_not_panic`, `arbitrary_json_does_not_panic` |
//! | D23 | Ids that end in an endpoint's name | explained | `tests/it/lookup/mod.rs`: `ids_that_lead_elsewhere` |
//! | D24 | Addresses without scheme | refused, with the one that was probably meant | `src/nomad/address.rs`: `addresses_that_do_not_work`; `tests/it/connection/mod.rs`: `addresses_that_are_none` |
//! | D25 | A flag error is buried under the help | message and hint only | `src/cli/tests.rs`: `a_flag_error_has_the_hint`; `tests/it/usage/mod.rs`: `flags_that_go_would_refuse` |
//! | D26 | All states are taken | client-terminal and stopping ones are left out with a reason and counted | `src/rules/selection/tests.rs`: `state_decides_who_is_eligible`; `tests/it/memory/left_out.rs`: `a_pending_one_is_left_out_in_place_and_rescheduled`, `nothing_is_eligible` |
//! | D27 | Newest first, unstable above 12 | newest first, then by id; a continued run leaves out what is done | `src/rules/selection/tests.rs`: `newest_first_then_by_id`; `tests/it/memory/signals.rs`: `the_command_that_continues_does_the_rest` |
//! | D28 | The list is taken once | each one is looked at again before it is touched | `src/rules/selection/tests.rs`: `an_allocation_is_checked_again_before_it_is_touched`; `tests/it/memory/left_out.rs`: `one_that_was_replaced_before_its_turn_is_skipped` |
//! | D29 | Allocations of a purged job are mixed in | read with `all=false`, versions by create index | `src/rules/selection/tests/scope.rs`: `versions_of_a_purged_job_do_not_count` |
//! | D30 | Versions older than the history | the job's own type counts; an allocation's own copy tells of its tasks | `src/rules/verdict/tests/reschedule.rs`: `without_the_job_version_what_ran_before_has_to_run`, `without_anything_to_go_by_everything_has_to_run` |
//! | D31 | Servers before 1.6 send no NextAllocation in lists | not kept: servers from 1.6 on (design, preface) |  |
//! | D32 | A named task that one allocation lacks is left out silently | a verbose line | `src/rules/selection/tests/scope.rs`: `a_requested_task_that_an_allocation_lacks_is_named`; `tests/it/memory/in_place.rs`: `named_tasks_in_every_allocation_that_has_them` |
//! | D33 | Does not wait until it runs again | waits for a newer start | `tests/it/memory/in_place.rs`: `the_next_one_is_touched_when_the_one_before_runs_again`; `src/rules/verdict/tests/in_place.rs`: `one_update_shows_the_whole_restart` |
//! | D34 | An allocation without running tasks is "restarted" | left out; an answer without effect is an error | `src/rules/verdict/tests/silence.rs`: `an_accepted_restart_without_effect_is_told_after_ten_seconds_and_a_fresh_read`; `tests/it/memory/failures.rs`: `an_accepted_restart_without_effect` |
//! | D35 | One deployments call for each allocation | one guard for a batch, from the view | `tests/it/memory/reads.rs`: `reads_do_not_grow_with_the_batch` |
//! | D36 | A guard error abandons what is in flight | it is judged first | `tests/it/memory/policy.rs`: `a_deployment_that_starts_in_a_batch_is_noticed_after_what_is_in_flight_is_judged` |
//! | D37 | Any failure of the guard's call ends the run | tried again for a minute | `tests/it/memory/reads.rs`: `ten_seconds_without_a_leader_between_batches`, `a_cluster_that_never_answers_again` |
//! | D38 | The guard does not look during waits | it does | `tests/it/memory/policy.rs`: `a_deployment_that_starts_in_a_pause_ends_it` |
//! | D39 | The guard's text names no job | job and what to do | `src/rules/guard.rs`: `the_text_names_the_job_and_what_to_do` |
//! | D40 | No retries | reads are tried again, restarts never | `tests/it/memory/reads.rs`: `ten_seconds_without_a_leader`; `tests/it/memory/lost_answers.rs`: `a_restart_that_got_lost_is_not_repeated`, `a_stop_that_got_lost_is_repeated` |
//! | D41 | A hiccup lets the next one be stopped | nothing is stopped on stale knowledge | `tests/it/memory/reads.rs`: `ten_seconds_without_a_leader`, `a_cluster_that_never_answers_again_in_mid_batch` |
//! | D42 | Waits without end | every state that ends one is known, and there is a time limit | `src/rules/verdict/tests/reschedule/ends.rs`: `a_job_that_is_stopped_scaled_down_or_purged_ends_the_wait`, `an_original_that_ended_by_itself_is_not_replaced`, `a_stop_that_brings_nothing_is_told_after_a_fresh_list`, `a_batch_replacement_may_be_complete`; `src/rules/verdict/tests/reschedule.rs`: `a_replacement_that_failed_for_good_is_told_after_a_fresh_read`; `src/rules/verdict/tests/properties.rs`: `every_wait_ends_with_its_limit` |
//! | D43 | Two connections for each allocation | one feed, at most 50 in all | `tests/it/memory/connections.rs`: `a_batch_of_two_hundred` |
//! | D44 | Requests grow with the square of the batch | a write each and a few reads | `tests/it/memory/reads.rs`: `reads_do_not_grow_with_the_batch` |
//! | D45 | Finished workers keep polling | not kept: no worker polls; one feed that ends with the run (design 7) |  |
//! | D46 | Index 0 spins, a busy cluster is polled without end | at least 1, paced, counts anew when it goes back | `src/nomad/request/tests.rs`: `blocking_queries_never_ask_with_index_zero`; `tests/it/memory/reads.rs`: `no_index_at_all`, `an_index_that_goes_back`, `waiting_costs_little`; `tests/it/gaps/busy.rs`: `a_busy_cluster_is_not_polled_more_often` |
//! | D47 | A blocked evaluation is charged to all that wait | to those without successor | `tests/it/memory/reschedule.rs`: `one_of_three_cannot_be_placed`; `src/rules/verdict/tests/reschedule/placement.rs`: `an_allocation_with_a_successor_is_not_charged`, `a_placement_failure_is_charged_once_the_plan_has_no_successor` |
//! | D48 | Placement causes in random order | sorted | `src/rules/verdict/tests/causes.rs`: `placement_causes_come_in_a_stable_order` |
//! | D49 | "Still waiting" does not name the follow-up | it names it and its state | `src/report/human/tests.rs`: `signs_of_life_name_state_and_reason`; `tests/it/memory/reschedule.rs`: `a_predecessor_that_ends_slowly` |
//! | D50 | No sign of life in place | the same line a minute | `tests/it/memory/in_place.rs`: `a_slow_start_is_waited_for_with_a_line_a_minute`; `src/report/human/tests.rs`: `signs_of_life_name_state_and_reason` |
//! | D51 | System jobs need a right that help does not name, after the stop | probed before the first stop; the help names it |  |
//! | D52 | "Failed evaluate job" forgets the stopped one | it is named with what brings it back |  |
//! | D53 | One evaluation for each allocation | one for each batch, after its stops |  |
//! | D54 | With `-yes` errors are silent until the end | on stderr when they happen | `src/report/human/tests.rs`: `errors_are_shown_when_they_happen_only_if_the_run_goes_on_by_itself`; `tests/it/memory/policy.rs`: `with_yes_a_recoverable_error_does_not_stop_the_run` |
//! | D55 | Errors in completion order | in processing order | `src/run/ledger.rs`: `every_allocation_is_in_the_summary_once_and_errors_come_in_processing_order`; `tests/it/memory/policy.rs`: `with_yes_a_recoverable_error_does_not_stop_the_run` |
//! | D56 | "Error restarting" also when rescheduling | kept | `tests/it/memory/reschedule.rs`: `nowhere_to_go` |
//! | D57 | Errors of a question are listed again at the end | kept | `src/report/tests/dialogues.rs`: `a4_error_and_an_empty_answer`; `tests/it/terminal/midrun.rs`: `q3_an_empty_answer_no_and_the_end_of_input_cancel_with_the_errors` |
//! | D58 | Unrecoverable by the words of the text | by status and kind | `src/rules/verdict/tests/causes.rs`: `refused_calls_keep_nomads_words`, `what_is_likely_to_happen_again_or_left_something_missing_is_unrecoverable`; `src/nomad/error/tests.rs`: `what_failed_writes_mean` |
//! | D59 | Cancelled half-way exits 0 | kept for a declined question, with a summary | `src/exit.rs`: `each_ending_has_its_code`; `tests/it/terminal/midrun.rs`: `q2_no_and_the_end_of_input_cancel_without_an_error` |
//! | D60 | An interrupt exits 0 and tells nothing | 130 with summary and the command that continues | `src/exit.rs`: `each_ending_has_its_code`; `tests/it/streams/signals.rs`: `a_signal_between_batches`; `tests/it/terminal/interrupt.rs`: `q5_yes_the_end_of_input_and_a_second_control_c_stop_the_run` |
//! | D61 | The interrupt question without a terminal | none: a signal stops the run, a second one at once | `tests/it/streams/signals.rs`: `a_signal_between_batches`, `a_signal_while_stdin_is_an_open_pipe`; `tests/it/memory/signals.rs`: `a_second_signal_ends_at_once` |
//! | D62 | The wait is a plain sleep | kept behind the question; a deployment or the job's end cuts it short | `tests/it/terminal/interrupt.rs`: `a_no_after_the_pause_is_over_goes_on_with_the_next_batch`; `tests/it/memory/policy.rs`: `a_deployment_that_starts_in_a_pause_ends_it` |
//! | D63 | SIGTERM and SIGHUP kill at once | as SIGINT | `tests/it/streams/signals.rs`: `a_signal_between_batches`; `tests/it/memory/signals.rs`: `in_a_batch` |
//! | D64 | One more allocation may pass the gate | the gate is the only way to a write, right before it | `tests/it/terminal/interrupt.rs`: `no_write_reaches_the_cluster_while_q5_is_open`; `tests/it/memory/signals.rs`: `while_a_write_waits_to_be_sent_again` |
//! | D65 | The end does not name done, in flight, untouched | the summary does | `src/report/summary/tests.rs`: `interrupted_in_a_batch`; `tests/it/streams/signals.rs`: `a_signal_between_batches` |
//! | D66 | A repeated question keeps its stamp | a new one | `src/report/tests.rs`: `an_invalid_answer_is_asked_again_with_a_new_stamp` |
//! | D67 | End of input prints the word EOF | a line end | `src/report/tests/dialogues.rs`: `a10_end_of_input_at_the_question` |
//! | D68 | Piped answers beyond the first are lost | one input for all questions | `src/report/tests.rs`: `several_questions_share_one_input` |
//! | D69 | Write errors are ignored | an error | `src/report/tests/streams.rs`: `a_stdout_that_fails_is_said_once_on_stderr`; `src/exit.rs`: `lost_output_is_no_success`; `tests/it/streams/mod.rs`: `a_full_disk` |
//! | D70 | Colour tags in foreign text | never interpreted, control characters stripped | `src/report/text.rs`: `foreign_text_is_not_obeyed`; `src/nomad/text.rs`: `foreign_text_is_harmless`; `tests/it/streams/mod.rs`: `words_of_the_server` |
//! | D71 | Further lines are misaligned under UTC stamps | aligned | `src/report/human/tests.rs`: `further_lines_stand_under_the_first` |
//! | D72 | "batch of 1 allocations", "1 nodes" | kept | `src/report/human/tests.rs`: `headers`; `src/rules/verdict/tests/causes.rs`: `placement_causes_come_in_a_stable_order` |
//! | D73 | Help and page tell of `ready`, of `-yes` and of examples that never were | our own help; the page's wording where it shows one | `src/cli/help/tests.rs`: `is_this`; `tests/it/golden.rs`: `restart_running_tasks_of_all_allocations` |
//! | D74 | No dry run, machine output, progress, resume | the command that continues; `-dry-run` and `-json` (design 3.2) are still to come | `tests/it/memory/signals.rs`: `the_command_that_continues_does_the_rest`; `src/rules/selection/tests/age.rs`: `the_age_filter_comes_after_the_base` |
//! | D75 | Exit 1 for everything | kept; `-detailed-exitcode` (design 9) is still to come | `src/exit.rs`: `each_ending_has_its_code` |
//! | D76 | Ids are cut by bytes | by characters | `src/report/text.rs`: `ids_are_cut_by_characters` |
//! | D77 | The same state is printed again and again | at changes of the state only | `tests/it/gaps/life.rs`: `a_state_is_printed_once` |
//! | D78 | Order of several task calls is random | as given | `tests/it/memory/in_place.rs`: `named_tasks_in_every_allocation_that_has_them` |
//! | D79 | No time-outs | each read, each wait | `src/nomad/client/time_tests.rs`: `a_read_that_is_never_answered`; `tests/it/memory/reads.rs`: `a_cluster_that_falls_silent_for_good` |
//! | D80 | The multi-region question reads a pipe | refused without a terminal | `src/report/tests.rs`: `without_a_terminal_nothing_is_asked_and_stdin_is_left_alone` |
//! | D81 | Handler and question overlap | one after the other | `tests/it/terminal/interrupt.rs`: `a_question_that_becomes_due_behind_q5_is_asked_after_it` |
//! | D82 | A window in which SIGINT has its default effect | one listener from start to end | `tests/it/memory/signals.rs`: `before_the_look_up`; `tests/it/terminal/early.rs`: `control_c_at_the_multi_region_question_is_an_interrupt`; `tests/it/terminal/midrun.rs`: `q2_control_c_is_an_interrupt_with_the_command_that_continues` |
//! | D83 | `-region=` cannot undo its variable | kept: an empty flag counts as not given | `src/nomad/config/tests.rs`: `flags_before_environment_and_empty_means_not_given`; `tests/it/connection/mod.rs`: `flags_and_variables` |
