"""English words of programming and operations. `a_b` is the two words beside each other; plurals in -s come
by themselves.

SURE: hardly ever said of anything else. LIKELY: mostly. HINT: everyday words that programmers use all day.
"""

SURE = """
python javascript typescript js ts kotlin golang php perl haskell scala clojure elixir erlang fortran cobol
matlab vba lua solidity bash zsh powershell sql mysql postgres postgresql sqlite mariadb mongodb mongo redis
kafka rabbitmq elasticsearch cassandra dynamodb snowflake_schema bigquery docker dockerfile dockerfiles
kubernetes k8s kubectl kube helm_chart terraform ansible nginx django flask fastapi laravel symfony
springboot spring_boot ruby_on_rails nodejs node_js npm npx pnpm webpack vite svelte nextjs next_js vue
vue_js angular react_native react_component react_hook jquery html css scss tailwind regex regexp regexes
regular_expression json yaml yml xml csv tsv toml jsonb graphql grpc protobuf websocket oauth oauth2 jwt
cors csrf xss http https api rest_api endpoint sdk vscode vs_code intellij pycharm vim neovim emacs tmux git
github gitlab bitbucket gitignore rebase git_push git_pull git_add mutex semaphore deadlock multithreading
async asyncio coroutine goroutine dataframe pandas numpy pytorch tensorflow keras sklearn scikit_learn
matplotlib jupyter pip virtualenv venv conda pytest unittest junit vitest linter eslint mypy typechecker
compiler transpiler segfault segmentation_fault core_dumped stacktrace stack_trace traceback
nullpointerexception typeerror valueerror keyerror indexerror attributeerror syntaxerror referenceerror
importerror modulenotfounderror nameerror runtimeerror nullptr varchar foreach println printf console_log
stdout stdin stderr localhost ssh scp rsync sudo chmod chown crontab cron_job grep awk sed_command xargs
curl wget jq systemd systemctl linux tcp udp subnet backend back_end frontend front_end microservice
middleware orm crud refactor refactoring debugger codebase pull_request merge_conflict merge_request
feature_branch cicd ci_cd github_actions ec2 s3_bucket rds gcp heroku vercel netlify hashmap hash_map
hash_table linked_list binary_tree binary_search_tree leetcode pseudocode malloc struct typedef enum
abstract_class polymorphism singleton_pattern dependency_injection oop unit_test integration_test
code_review source_code race_condition memory_leak null_pointer environment_variable env_var env_file
load_balancer rate_limiter feature_flag foreign_key primary_key composite_key left_join inner_join
outer_join window_function stored_procedure shell_script command_line for_loop while_loop infinite_loop
nested_loop list_comprehension excel_formula google_sheets vlookup xlookup countif sumif pivot_table arduino
esp32 raspberry_pi firmware swiftui xcode flutter opengl shader webgl flexbox css_grid z_index onclick
event_listener click_handler event_handler localstorage local_storage sha256 md5 base64 uuid utf8 utf_8
bitwise lru_cache connection_pool connection_refused status_code exit_code 404_error 500_error cli_tool ide
dev_environment dev_server prod_server staging_server production_server web_server sql_injection hpa
error_message line_number pull_requests monorepo submodule cherry_pick hotfix config_file log_file text_file
json_file python_script type_hint type_annotation generic_type garbage_collector garbage_collection
big_o_notation time_complexity space_complexity binary_search merge_sort quicksort bubble_sort
sorting_algorithm dynamic_programming breadth_first depth_first dijkstra idempotency idempotent webhook
serverless lambda_function daemon_process kernel_module dns_record reverse_proxy self_signed tls ssl
ssl_certificate apt_get homebrew makefile cmake gcc clang rustc cargo_build rust_code rust_compiler in_rust
in_go in_java in_swift in_ruby in_c in_julia java_class java_code java_spring swift_code ruby_code ruby_gem
go_routine borrow_checker gradle maven dotnet csharp asp_net wpf winforms unity_script jenkins grafana
prometheus_metrics openapi swagger postman celery dbt airflow spark_job hadoop etl usestate useeffect
react_app jenkinsfile discord_bot telegram_bot snake_game pygame tkinter fizzbuzz hello_world devops
mandelbrot macro_worked api_key stdin_input in_python in_javascript in_typescript in_kotlin in_php in_c#
in_c++ in_bash in_sql in_perl in_scala in_haskell c++ c# address_already_in_use implicitly_has pep_8
cap_theorem acid_transaction css_class html_tag sprite pixel_art canvas_element
"""

LIKELY = """
code coding programming programmer developer software debug debugging bug bugfix database db schema query
queries subquery migration variable boolean int float_value string_literal substring array dict tuple
iterator generator_function callback lambda closure_in decorator pointer recursion recursive iterate parse
parser parsing loop looping script module import_error compile compiles compiled compiling runtime exception
unhandled throws error_handling stack_overflow crash crashes crashing crashed log_output logs logfile
terminal console browser firefox webpage dropdown checkbox plugin wordpress selector div dom iframe tooltip
navbar viewport responsive_layout repo repository commit commits branch_name merge_branch deploy deployed
deployment deploying rollback hosting_provider docker_compose container_image pod aws azure ubuntu debian
firewall dns timestamp utc_timestamp hash hashing hashed encrypt encryption decrypt cache caching cached cdn
thread threads multithreaded concurrency latency throughput timeout timed_out payload serialize deserialize
serializer parser_error refactored rewrite_function optimize_query slow_query n_plus_1 monolith outbox
event_sourcing message_queue worker_pool thread_pool node_modules dependencies_install package_json
requirements_txt pip_install npm_install install_package uninstall directory filesystem file_path
file_extension permissions_denied permission_denied access_denied webapp web_app web_page web_scraper
scraper crawler chatbot_code bot_token access_token refresh_token auth authentication authorization
login_page sign_in_button submit_button user_input input_field form_validation validation_error http_request
get_request post_request put_request patch_request request_body headers query_string query_parameter url
urls uri regex_pattern wildcard glob_pattern syntax semicolon indentation whitespace_trim newline line_break
character_encoding unicode ascii_code hex binary_file bytes byte bitmask checksum diff patch_file codec
decoder encoder frame_rate sdk_version app_crash android_app ios_app mobile_app emulator simulator_xcode
spreadsheet excel macro cell_reference pivot formula_excel script_tag header_row csv_file dataframe_column
jq_filter config configuration_file env yaml_file stack_frame heap_memory overflow_error off_by_one
undefined null nan_value getter setter constructor instance_variable static_method class_method method_call
function_call function_returns return_value return_type parameter_list argument_parser kwargs args
inheritance interface_type traits generics template_class dry_principle solid_principles design_pattern
clean_code legacy_code tech_stack technical_debt stack_trace test_coverage mock_object test_suite
regression_test flaky_test end_to_end_test code_snippet snippet one_liner oneliner cheat_sheet_git
admin_panel dashboard_query sql_query rest_endpoint system_design architecture_diagram scalable sharding
replication partitioning backfill downtime zero_downtime ddl migrations seed_data race_conditions
atomic_operation transaction_isolation rows_affected vlan router_config port_forwarding port_number
open_port ping_test ip_address proxy vps hypervisor virtual_machine vm vms one_line_of resize hover hovered
squashed cropped blurry dropdowns placeholder greyed uppercase lowercase upper_case lower_case
case_insensitive accents_turn question_marks_after squiggly white_screen blank_screen blank_page white_page
loads_forever page_stays page_jumps flickers reload reloads refresh_the_page reboot_the_server logs_out
logged_in logged_out log_in logging_in sign_up startup starts_up importer exporter import export exports
batch batches importing resumes_after gb mb 30_gb ram_usage underscore underscores comma commas dot_notation
slash backslash bracket brackets parenthesis curly quotes_in string_contains contains_only palindrome vowels
anagram shell_command crontab_entry scheduled_task background_job retries retry polling polls event_driven
dependency dependencies plugin_system interfaces abstract overloaded overriding static nullable_field
optional_field immutable mutable mutates pass_by by_reference by_value fine_tune checkpoint epochs
neural_network loss_becomes gradient tensor classifier training_data model_overfits vectorized
cleanup_script sheet cell cells tab_in formula_for sum_if workbook auto_fill conditional_formatting java
"""

HINT = """
function method class object package library_import framework app website site server servers client_side
server_side file folder path index column row table_row field key_value value string list_of lists_of
element attribute property button click clicks clicked scroll scrolling page_loads page_load form_submit
upload download install installed installing installation update_to version upgrade library
keyboard_shortcut shortcut laptop computer pc windows_11 mac_os macos windows ios android iphone phone_app
screen pixel resolution font stylesheet header footer layout padding margin print prints printed output
input read_file write_file save saves saved overwrites overwrite duplicate duplicates copy paste rename
delete deletes sort sorted sorting filter filtered reverse_list loop_through nested iterate_over count_lines
split_string join_table merge convert conversion parse_date format date_format id ids user_id users
account_lock admin backup restore sync job_runs job cron schedule_job queue worker process pipeline stream
event event_loop handler trigger request response status session cookie_banner token login password
auth_header permission permissions environment production staging test tests testing build builds built run
runs running execute executes executed execution memory cpu disk ram gpu network port socket connection
connect connected localhost_port performance slow slower faster_way quicker load loads loading crashes_on
freezes hangs hang breaks_when broken fails failing failed failure error errors warning issue_with
doesn't_work not_working works_on works_fine works_locally stopped_working line_by_line commit branch stash
tag fork fork_repo pull push remote_branch revert clone merge_into feature release changelog algorithm
data_structure tree graph stack heap node pointer_to matrix_multiplication bit bits api_key mean_stack
framework_for open_source self_host hosting domain subdomain email_server smtp cloud container cluster
instance snapshot image_tag volume_mount table tables record records json_object nullable default_value
constraint transaction lock locks locked wait_for_each counter flag flags parameter parameters argument
arguments callback_function command commands prompt_shows shell bash_script interface implementation
implement implements wrapper template render rendered rendering animation responsive dark_mode toggle
menu_item sidebar modal popup line lines works laptop_but machine_but doesn't_show show_up showing
nothing_happens happens_when after_the_update after_update old_version new_version fields list lists
loop_prints number_of_requests picks entries entry text_box box_on the_second whole_thing open_file
closed_it opened first_line last_line each_row every_row empty random remote local setting settings
option_to ruby rust swift react uploads
"""
