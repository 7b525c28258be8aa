"""English words of mathematics, logic, planning and weighing up. As in `code`."""

SURE = """
prove theorem lemma corollary derivation derivative integral antiderivative integrate_by differentiate
equation inequality polynomial quadratic determinant eigenvalue eigenvector matrix_rank probability
probabilities expected_value conditional_probability permutation combinatorics binomial how_many_ways
pigeonhole_principle contrapositive counterexample syllogism modus_ponens truth_table knights_and knaves
liar_puzzle logic_puzzle logic_riddle brain_teaser riddle word_problem monty_hall prisoner's_dilemma
game_theory nash_equilibrium compound_interest simple_interest interest_rate present_value net_present
annualised annualized amortization standard_deviation variance median regression_line confidence_interval
p_value hypothesis_test bayes bayesian divisible divisor gcd lcm prime_number prime_factors
prime_factorization square_root cube_root sqrt logarithm cosine trigonometry triangle rectangle trapezoid
parallelogram perimeter circumference radius hypotenuse pythagorean pythagoras isosceles right_angle
acceleration kinetic_energy differential_equation boundary_condition arithmetic_sequence geometric_sequence
geometric_series fibonacci_number next_number number_comes comes_next next_in_the arithmetic_progression
simplify_the_fraction significant_figures least_common greatest_common factorise factorize solve_for find_x
find_the_roots step_by_step_solution logically_equivalent logically_follow follows_logically by_induction
proof_by irrational_number rational_number real_numbers natural_numbers positive_integer closed_form
optimal_solution linear_programming travelling_salesman traveling_salesman chess_position mate_in
minimum_number how_many_handshakes weighings deck_of_cards fair_coin fair_die biased_coin two_dice roll_two
with_replacement without_replacement average_speed km_h kmh mph break_even breakeven better_deal
thought_experiment trolley_problem fermi_estimate sunk_cost base_rate survivorship_bias survivor_bias
gambler's_fallacy simpson's_paradox ad_hominem logical_fallacy truth_tellers integrate_x how_many_trips
how_many_squares odd_one_out doesn't_belong analogy monty pigeonhole handshake weigh_more weighs_more
who_is_lying who's_lying tells_the_truth told_the_truth sequence_continue continue_the_sequence next_in_line
how_sure_can_i coprime decagon heptagon pentagon_area ohm resistors ph_of moles_of bmi in_parallel half_life
"""

LIKELY = """
calculate calculation calculating compute evaluate solve solving solves proof derive simplify factor_the
fraction decimal percent percentage percents ratio proportion proportional divided multiply multiplied
subtract added_together sum_of product_of remainder modulo exponent coefficient vector matrix integer
odd_number even_number sequence converge converges diverges bounded monotone continuous angle degrees sine
tangent volume_of area_of surface_area diameter velocity odds likelihood chances_of chance_of expected
random_draw draw_two drawn marbles dice coin_flip flip_a heads tails combinations arrangements in_how_many
how_many_different puzzle paradox fallacy premise premises conclusion conclude therefore infer inference
deduce deduction implies imply contradiction contradict contradicts consistent_with necessary_condition
sufficient assumption assumptions assume hypothesis analyze analyse analysis critically_evaluate root_cause
causal causation correlation trade_off trade_offs tradeoff weigh_up weigh_the estimate forecast extrapolate
feasible infeasible optimal optimum maximise maximize minimise minimize maximum minimum constraint
constraints allocate allocation schedule timetable itinerary_must step_by_step reasoning reason_through
think_through work_out figure_out figure_it_out twice_as times_as half_as three_times years_older
years_younger older_than younger_than how_old will_be_older heavier lighter_than taller_than cheaper
profit_margin markup discount loan mortgage monthly_payment instalments installments repay interest invested
investment_grow portfolio returns_of per_annum apr tax_bracket break_it_even pay_back payback owes owe_what
split_the_bill who_owes altogether in_total how_much_in_total what_fraction what_percentage per_hour per_day
per_week per_month per_year per_person each_person at_this_rate same_rate same_speed working_together
together_take how_far how_fast how_many_days how_many_hours how_many_weeks how_many_years how_many_times
how_many_people how_many_more how_many_left how_many_minutes what_time_will what_time_do meet_each
truth_teller always_lies always_tells who_is_lying who's_lying lying liar tells_the_truth exactly_one
only_one_of one_of_them is_true true_or_false not_both if_and_only neither_nor all_of_the some_of_the
none_of_the sits_next sit_next seating crosses crossing crossings river_crossing boat_can_carry can_carry
fewest moves_needed minimum_moves number_of_moves moles reaction_balance balance_the molarity newton joule
resistor voltage wavelength half_life titration utility_function supply_and_demand elasticity
opportunity_cost marginal_cost should_i_take which_option decision_matrix cost_benefit scenario_analysis
sensitivity_analysis years_old_is times_as_old twice_as_old half_as_old three_times_as ten_times_as
how_old_are in_which_order what_order is_left_of left_of right_of next_to_the not_at_an at_an_end who_lives
who_owns who_plays who_does_what can't_be_true be_true_together can_these is_it_smarter is_it_cheaper
which_is_more which_is_bigger which_is_larger which_is_longer which_is_heavier which_is_better_value
better_value cheapest_way fewest_trips how_many_trips how_many_do_i how_many_must how_many_can how_many_of
how_many_ways do_i_have_enough is_it_enough will_it_last how_long_until how_long_will
how_long_does_it_take_to_fill when_do_they when_will when_is_he when_is_she what_day_is what_day_of
what_is_the_flaw what's_the_flaw the_flaw spot_the same_mistake same_as_before is_that_valid valid_reasoning
does_it_follow follow_from can_i_conclude can_be_concluded causes_or correlated overdue fair_coin heads_in
coin_is lottery_odds loan_of years_at discount_of off_or off_and percent_of at_5_percent instalment
leftover_money rate_of gallons ounces inches feet fahrenheit celsius snail fence_costs tiles_for paint_for
enough_paint how_much_paint rota_for shifts_for seating_plan arrangement find_an_arrangement constraints_are
"""

HINT = """
logic logical logically argument valid true false truth statement statements claim evidence because
explain_why justify compare comparison versus better_choice which_is_better worth_it afford save_up savings
budget spend cost costs costs_less price prices paid pay pays salary income rent tax total average mean_of
sum plus minus times twice double triple half third quarter each every per both equal equally same_amount
remaining remains left_over leftover more_than less_than at_least at_most exactly fewer larger smaller
greater longest shortest highest lowest speed distance travels travel_at drives walks train leaves arrives
arrive departs fills_in fill_a pump pool tank pipe taps worker workers machine_makes produces finish
finishes alone_in hours hour minutes minute seconds km miles meters metres cm kg grams litres liters euros
dollars bucks cents pounds kwh watts tons age ages aged older younger sister_is brother_is born_in years_ago
tomorrow_is yesterday_was day_of_the_week days weeks months leap_year clock calendar time_zones midnight
noon shift shifts rota roster plan_that fits within must cannot can't_be mustn't never_in_a_row in_a_row
consecutive different_colors different_colours same_color box boxes bag balls cards socks jar switches bulbs
rope ropes candles hat hats prisoners doors door cups table_for seats guests seat_everyone arrange order_of
rank ranking score points wins beat beats team tournament round vote votes majority fair_way divide
share_equally split area circle square cube grid tile tiles chessboard point line slope intercept axis curve
function_of variable_x unknown formula number numbers digit digits odd prime integer count combination set
subset union probability_of random likely unlikely chance risk bet betting lottery win_if strategy solution
answer result derive show_that verify check_whether if_not suppose given_that then_what what_if otherwise
unless fifth tenth dozen altogether left_at trips waits rides taller than whoever nobody someone everyone ml
g mm litre liter hour_and minute_and pairs pair drawer gloves houses offices friends_with hobbies eggs
apples oranges coins years_time in_the_dark be_sure sure_that sure_of smarter cheaper_to before_and
"""
