"""Words that ask for the same, in questions. Narrow on purpose: what is merely alike is not here."""

SYNONYMS = """
begin: begin start commence
end: finish terminate conclude come_to_an_end came_to_an_end
car: car vehicle automobile auto
bike: bike bicycle
phone: phone smartphone telephone cellphone mobile_phone cell_phone
laptop: laptop notebook_computer
tv: tv television telly
film: film movie
picture: picture photo photograph image pic
flat: flat apartment
house: house home
holiday: vacation
trip: trip journey
road: road street
shop: shop
supermarket: supermarket grocery_store
job: job occupation
work: work
salary: salary wage pay_packet
company: company firm business corporation
buy: buy purchase
sell: sell
cost: cost price how_expensive
rent: rent lease_out
money: money cash
fee: fee charge surcharge
refund: refund money_back reimburse reimbursement money_returned reimbursed
tax: tax taxable taxed taxes taxation
deduct: deduct deductible deduction write_off
law: law legislation
legal: legal lawful legally
illegal: illegal unlawful
binding: binding enforceable
contract: contract agreement
prenup: prenup prenuptial_agreement
inherit: inherit inheritance
paper: paperwork document papers documents
passport: passport
visa: visa
vaccine: vaccine vaccination shot jab vaccinate immunization immunisation inoculation
symptom: symptom sign
side_effect: side_effect adverse_effect side-effect
illness: illness disease sickness
cold: common_cold
medicine: medicine medication
painkiller: painkiller pain_reliever
doctor_visit: appointment
hurt: hurt ache pain
dangerous: dangerous hazardous harmful
safe: safe
remove: remove removal eliminate elimination get_rid_of take_out get_out rid
delete: delete deletion erase
add: add append
fix: fix repair mend
unblock: unblock unclog
treat: treat treatment
prepare: prepare preparation
renew: renew renewal
arrive: arrive arrival
measure: measure measurement
extend: extend extension
expand: expand expansion
explore: explore exploration
infect: infect infection
protect: protect protection
prevent: prevent prevention
react: react reaction
digest: digest digestion
diagnose: diagnose diagnosis
verify: verify verification
configure: configure configuration
implement: implement implementation
migrate: migrate migration
publish: publish publication
regulate: regulate regulation
explode: explode explosion
evaporate: evaporate evaporation
ferment: ferment fermentation
meditate: meditate meditation
hibernate: hibernate hibernation
evolve: evolve evolution
assassinate: assassinate assassination
execute: execute execution
compose: compose composer
design: design designer
create: create creator creation
obtain: obtain acquire
erupt: erupt eruption
prove: prove proof
north: north northern
south: south southern
east: east eastern
west: west western
mount: mount mt
solve: solve
error: error
stop: stop halt
cancel: cancel cancellation cancelation
change: change modify alter
switch_off: turn_off switch_off shut_off disable deactivate
switch_on: turn_on switch_on enable activate
reset: reset
install: install set_up setup installation
update: update
build: build construct construction
calculate: calculate calculation compute computation work_out
choose: choose pick select
compare: compare
difference: difference distinguish distinguishes differ distinction versus vs
define: meaning definition define mean stand_for stands_for
find: find locate
keep: keep retain store
save: save
send: send
reach: get_to
travel: travel
fly: fly flight
train: train railway
fast: fast quick rapid
slow: slow
big: big large huge
small: small little tiny
size: size how_big how_large
tall: tall height
high: high
long: long length take_time
deep: deep depth_of
wide: wide width
heavy: heavy weight weigh
old: old age
far: far distance
near: near close_to
important: important
difficult: difficult hard tricky
easy: easy simple
cheap: cheap inexpensive affordable
expensive: expensive costly pricey
free: free_of_charge
good: good
bad: bad
nice: nice
clean: clean
dirty: dirty
cook: cook
boil: boil
bake: bake
recipe: recipe
ingredient: ingredient
substitute: substitute replacement alternative swap in_its_place in_place_of
food: food
drink: drink beverage
eat: eat
invent: invent invention inventor inventing
discover: discover discovery discoverer
write: write author writer
paint: paint painter
found: founder
lead: lead
win: win winner
happen: happen occur take_place
die: die pass_away death dead
bear: born birth birthday
population: population inhabitant how_many_people_live number_of_people
capital: capital capital_city
country: country
city: city
town: town
president: president
king: king
war: war
after: after following
earthquake: earthquake quake
world: world
space: space
area: area
mean_value: average
probability: probability likelihood odds
equation: equation
root: root
half: half
formula: formula
number: number
sort: sort order
row: row
column: column
file: file
folder: folder directory
function: function
array: array
string: string
center: center centre middle
disk: disk disc drive
screen: screen display
password: password passcode
account: account
subscription: subscription membership
login: login log_in sign_in
logout: logout log_out sign_out
signup: sign_up register registration
notification: notification alert
website: website site web_page webpage
internet: internet
wifi: wifi wi-fi
bluetooth: bluetooth
connect: connect pair pairing
support: support supports compatible
max: max maximum
min: min minimum
temperature: temperature how_hot how_cold how_warm
weather: weather
rain: rain rainy
clock: clock
dst: dst daylight_saving daylight_saving_time daylight_savings
flag: flag
language_word: language
translate: translate translation
pronounce: pronounce
spell: spell
hotel: hotel
booking: booking reservation reserve
ticket: ticket
airport: airport
luggage: luggage baggage
baby_word: stroller pram
school: school
university: university college
teach: teach
learn: learn
exam: exam examination
book: book
song: song
music: music
game: game
dog: dog
cat: cat
plant: plant
flower: flower
grow: grow
tree: tree
garden: garden yard_garden
water: water
sleep: sleep
exercise: exercise workout
lose_weight: lose_weight weight_loss slim_down
pulse: pulse heart_rate
blood: blood
grill: grill barbecue bbq
oven: oven
fridge: fridge refrigerator
freezer: freezer
washing_machine: washing_machine washer
stain: stain spot
shirt: shirt
trousers: trousers pants
nappy: nappy diaper
autumn: fall_season
lift: elevator
petrol: petrol gas_fuel gasoline
torch: flashlight
rubbish: rubbish garbage trash
post: postal mail_service
queue: queue line_up
holiday_day: public_holiday bank_holiday
increase: increase raise
decrease: decrease reduce cut_down
allow: allow
try: try attempt
leave: leave
quit: quit resign give_notice
fire: dismiss lay_off sack
hire: hire recruit
application: application apply
interview: interview
lawyer: lawyer attorney solicitor
sue: sue
police: police cop
steal: steal theft stolen thief
insurance: insurance insure insured
uninsured: uninsured without_insurance
mortgage: mortgage
loan: loan
interest: interest
payment: payment pay
invoice: invoice bill
receipt: receipt
bank: bank
card: card
pension: pension retirement
bike_helmet: helmet
seatbelt: seat_belt seatbelt
licence: licence license
driving_licence: driving_licence driver's_license
child_care: childcare daycare
wedding: wedding
marry: marry married marriage get_married
divorce: divorce
vote: vote
election: election
equal: equal equals
eur: euro
gdpr: gdpr
airpods: airpods
limit: limit
advice: tip advice suggestion
method: technique
reason: reason
effect: effect
result: result
example: example
type: type
colour: colour color
flavour: flavour flavor
favourite: favourite favorite
organise: organise organize
recognise: recognise recognize
analyse: analyse analyze
grey: grey gray
cheque: cheque check_payment
program: program programme
theatre: theatre theater
fibre: fibre fiber
aluminium: aluminium aluminum
defence: defence defense
maths: maths math mathematics
mum: mum mom
"""
