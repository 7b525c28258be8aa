"""What people do and ask to be done, in words that stand for each other in nearly every question.

Beside `synonyms`, whose heads go on here. Written from general knowledge. Known weakness: where two senses of
a word part, its group is the commoner one.
"""

DEEDS = """
fix: resolve rectify
delete: wipe_out
remove: discard dispose disposal detach_from
buy: buy_in
obtain: obtain gain_access_to
begin: initiate initiation
end: cease
continue: continue carry_on proceed keep_on
stop: quit_working cut_out
cancel: call_off
postpone: postpone put_off delay defer
reject: reject turn_down decline refuse refusal rejection
approve: approve approval authorise authorize authorisation authorization sign_off signs_off signed_off
accept: accept acceptance
find: locate come_across
search: search look_for
recognise: identify identification
recover: recover restore restoration get_back retrieve retrieval
request: request ask_for apply_for
submit: submit submission hand_in turn_in file_for
send: mail_out
forward: forward pass_on
contact: contact reach_out get_in_touch get_hold_of
complain: complain complaint
disappear: disappear vanish
happen: come_about occurrence
prevent: avoid avert
protect: safeguard
destroy: destroy destruction
break: break fracture
collect: collect collection gather
assemble: assemble put_together
join_up: unite
merge: merge combine combination
split: split divide separate division separation
attach: attach attachment fasten
connect: link_up
disconnect: disconnect disconnection
insert: insert insertion
add: include_in
replace: replace swap_out
increase: boost
decrease: lessen lower diminish
improve: improve improvement enhance enhancement
worsen: worsen deteriorate deterioration
shorten: shorten abbreviate
simplify: simplify simplification
write: write_down
compose: composition
code: program_code
rewrite: rewrite rephrase reword paraphrase
copy: copy duplicate
operate: operate operation
hide: hide conceal
reveal: reveal disclose disclosure
admit: admit admission
deny: deny denial
argue: argue argument
dispute: dispute contest
forbid: forbid prohibit prohibition forbidden ban outlaw
permit_paper: permit_application
persuade: persuade convince
advise: recommend recommendation
choose: opt_for choice selection
decide: decide decision
arrange: arrange arrangement
organise: organize
supervise: supervise supervision oversee
teach: instruct
learn: study
memorise: memorise memorize
understand: understand comprehend comprehension
predict: predict prediction forecast
calculate: figure_out_how_much
measure: gauge
compare: contrast_with
observe: observe observation
investigate: investigate investigation look_into
develop: develop development
produce: produce production manufacture
build: construct
grow: cultivate
plant: sow
catch: catch capture
escape: escape get_away
chase: chase pursue
arrive: turn_up
depart: depart departure
return: return give_back send_back
move: move relocate relocation
jump: jump leap
transport: transport transportation
deliver: deliver delivery
ship: ship shipment dispatch
store_up: stockpile
thaw: thaw defrost
heat: heat warm_up heat_up
cool: cool cool_down chill
wash: wash launder
clean: clean_up
mix: mix blend
vomit: vomit throw_up
faint: faint pass_out
sleep: fall_asleep
wake: wake wake_up awaken
relax: relax relaxation unwind
cry: cry weep
yell: yell shout scream
talk: talk speak chat
reply: reply respond response
announce: announce announcement
complain_of: grumble
congratulate: congratulate congratulation
thank_for: express_gratitude
apologise: apologise apologize apology say_sorry
harass: harass harassment
injure: injure wound injury
assist: aid
donate: donate donation
lend: lend loan_out
spend: spend expenditure
invest: invest investment
withdraw: withdraw withdrawal take_money_out
charge: charge_up recharge
waste: waste squander
consume: consume consumption use_up
survive: survive survival
consist: consist comprise consist_of made_up_of composed_of
own: own possess
resemble: resemble look_like
differ_in: vary
require_paper: prerequisite
depend: depend depend_on rely rely_on
affect: affect have_an_effect_on
celebrate: celebrate celebration
participate: participate participation take_part
compete: compete competition
defeat: defeat beat
vote: cast_a_vote
rule_over: reign
conquer: conquer conquest
invade: invade invasion
establish: establish establishment
abolish: abolish abolition do_away_with
adopt: adopt adoption
adapt: adapt adaptation
adjust: adjust adjustment
configure: set_options
backup: backup back_up
synchronise: sync synchronise synchronize synchronisation synchronization
encrypt: encrypt encryption
compress: compress compression zip_up
extract: extract extraction unzip
deploy: deploy deployment
restart: restart reboot
type_in: enter_text
enrol: enrol enroll enrolment enrollment
graduate: graduate graduation
resign: hand_in_my_notice
promote: promote promotion
train: train_up
decorate: decorate decoration
wear: wear put_on
nail: hammer_in
assign: assign allocate allocation assignment
distribute: distribute distribution hand_out
appoint: appoint appointment_of
inform: inform notify
remind: remind reminder
tolerate: tolerate put_up_with
flower: bloom blossom
sprout: sprout germinate germination
verify: check make_sure
cause: bring_about lead_to leads_to led_to result_in results_in resulted_in give_rise_to
examine: examine inspect inspection
go_through: go_through goes_through went_through gone_through
succeed: came_after
rewrite: rewrite rephrase reword paraphrase
deposit: pay_in
speed_up: speed_up accelerate acceleration
slow_down: slow_down decelerate deceleration
summarise: sum_up
steal: rob robbery burgle burglary
choose: make_a_choice
declutter: tidy tidy_up clean_up
unsubscribe: opt_out
"""
