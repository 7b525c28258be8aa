"""Things, traits and short names, in words that stand for each other in nearly every question.

Beside `synonyms`, whose heads go on here. Written from general knowledge.
"""

THINGS = """
advantage: advantage benefit upside pro plus_side
disadvantage: disadvantage drawback downside con
problem: problem issue trouble
goal: goal aim objective
importance: importance significance
difference: dissimilarity
similarity: similarity resemblance
feature: feature characteristic trait attribute
part: part component
topic: topic subject theme
first_name: first_name given_name forename
birthday: b-day b_day bday
saint: saint st
age: elderly
job: profession
position: vacancy job_opening
resume: cv curriculum_vitae
cover_letter: covering_letter
staff: staff personnel
salary: pay_rate remuneration
payslip: payslip pay_slip pay_stub paystub
deadline: deadline due_date time_limit
invitation: invitation invite
company: enterprise
headquarters: headquarters head_office
trade: trade commerce
advertisement: advertisement advert ad commercial
goods: goods merchandise
order_of: purchase_order
parcel: parcel package
warranty: warranty guarantee
discount: discount price_reduction
coupon: coupon voucher
price_list: tariff
cost: costs expense
bill_of: check_please
tip_money: gratuity
income: income earnings
instalment: instalment installment
cash_machine: atm cash_machine cashpoint
tax_office: hmrc irs tax_authority
house: residence dwelling
toilet: toilet lavatory loo restroom
basement: basement cellar
attic: attic loft
sofa: sofa couch settee
wardrobe: wardrobe closet
tap: tap faucet
bin: dustbin trash_can garbage_can wastebasket
bin_bag: garbage_bag
curtain: curtain drape
bulb: light_bulb lightbulb
socket: power_outlet wall_socket
vacuum: vacuum_cleaner hoover
hairdryer: hairdryer hair_dryer
mower: mower lawnmower lawn_mower
hose: hose hosepipe
spanner: spanner wrench
ladder_up: stepladder
cable: cable cord
mobile_app: app application_software
windscreen: windscreen windshield
tyre: tyre tire
bonnet: car_hood
boot_of_car: car_trunk
lorry: lorry truck
motorway: motorway freeway highway
pavement: sidewalk
crossroads: crossroads intersection
roundabout: roundabout traffic_circle
underground: underground subway metro
train: railway railroad
plane: plane airplane aeroplane aircraft
ship_at_sea: vessel
taxi: taxi cab
hotel: lodging accommodation
stream: creek
island: island isle
forest: forest woods woodland
sunrise: sunrise dawn daybreak
autumn_leaves: foliage
bush: bush shrub
fertiliser: fertiliser fertilizer
rabbit: rabbit bunny
puppy: puppy young_dog
vet: vet veterinarian veterinary
chemist: pharmacy drugstore
fever: fever high_temperature
flu: flu influenza
stomach: stomach belly tummy
pill: pill tablet
dose: dosage
allergy: allergy allergic
toxic: toxic poisonous
vegetable: vegetable veggie veg
potato: potato spud
aubergine: aubergine eggplant
courgette: courgette zucchini
coriander: coriander cilantro
rocket_leaf: arugula
prawn: prawn shrimp
mince: minced_meat ground_beef
biscuit: biscuit cookie
sweets: sweets candy
crisps: crisps potato_chips
chips: french_fries
icing: icing frosting
baking_soda: baking_soda bicarbonate_of_soda bicarb sodium_bicarbonate
cornflour: cornflour cornstarch corn_starch
icing_sugar: icing_sugar powdered_sugar confectioners_sugar
yoghurt: yoghurt yogurt
alcohol: alcohol booze
dinner: dinner supper
smell: smell odor odour
light_of: illumination
heat_of: warmth
height: altitude
width: breadth
average: mean_value
life_expectancy: life_expectancy lifespan life_span
beginning: outset
middle: midpoint
paint_of: lacquer
wood: wood timber
glasses: eyeglasses spectacles
paper_sheet: sheet_of_paper
rubber: eraser
movie_director: filmmaker film_director
plot: plot storyline
series: tv_series tv_show
theatre: playhouse
football: football soccer
referee: referee umpire
goalkeeper: goalkeeper goalie
gym: gym fitness_center fitness_centre
war: warfare
law: statute
prison: prison jail gaol
penalty: penalty punishment
will_of: testament
oral: oral verbal
landlord_deposit: security_deposit
eviction: evict eviction throw_out kick_out
employee_record: personnel_file
essay_topic: essay_question
degree_course: degree_programme degree_program
child_minder: babysitter childminder
gift: gift present
idea_of: concept notion
rumour: rumour rumor
etymology: etymology word_origin
computer: computer pc
hard_drive: hard_drive hard_disk
usb_stick: usb_stick flash_drive thumb_drive usb_drive pendrive memory_stick
database: database db
attachment: attached_file
spam: spam junk_mail
browser: browser web_browser
link: link hyperlink
username: username user_name login_name
repository: repository repo
library_code: software_library
dev: dev developer programmer
regex: regex regexp regular_expression
vscode: vs_code vscode visual_studio_code
postgres: postgres postgresql
kubernetes: kubernetes k8s
javascript: javascript js
ai: ai artificial_intelligence
ml: machine_learning
vpn: vpn virtual_private_network
gpu: gpu graphics_card
cpu: cpu processor
os: operating_system
dob: date_of_birth
vat: vat value_added_tax
hr: human_resources
faq: faq frequently_asked_questions
eta: eta estimated_time_of_arrival
bmi: bmi body_mass_index
sla: sla service_level_agreement
iban: iban international_bank_account_number
gdp: gdp gross_domestic_product
etf: etf exchange_traded_fund
un: un united_nations
ww1: ww1 wwi world_war_1 world_war_i world_war_one first_world_war
ww2: ww2 wwii world_war_2 world_war_ii world_war_two second_world_war
ussr: ussr soviet_union
mould: mould mold
doctor_general: general_practitioner
coach: football_coach
journey_sea: voyage
grandchild: grandchild grandkid
hobby: hobby pastime
holiday: time_off
"""

TRAITS = """
fast: speedy swift fastest quickest quicker faster rapidly
slow: slowly
new: new brand_new
modern: modern contemporary
difficult: challenging
easy: effortless straightforward uncomplicated
cheap: low_cost low_priced
cheapest: cheapest least_expensive lowest_priced most_affordable
clever: clever smart intelligent
stupid: stupid dumb
rich_in: rich_in high_in
ill: ill sick unwell
tired: tired exhausted
angry: angry mad_at
sad: sad unhappy
happy: happy glad
afraid: afraid scared frightened
polite: polite courteous
rude: rude impolite
famous: famous well_known renowned
popular: popular widely_used
strange: strange weird odd_looking
important: crucial essential vital
empty: empty blank
broken: broken defective faulty
used_up: second_hand secondhand
wrong: wrong incorrect
possible_result: feasible
dead: deceased
often: often frequently
rarely: rarely seldom
suddenly: suddenly all_of_a_sudden
immediately: immediately at_once right_away straight_away instantly
together: together jointly
alone: alone by_myself by_yourself on_your_own on_my_own
abroad: abroad overseas
beforehand_of: in_advance
automatic: automatically automatic
manual: manually manual by_hand
free: for_free gratis without_paying at_no_cost
despite: despite in_spite_of notwithstanding
simultaneous: simultaneously at_the_same_time concurrently
constant: constantly all_the_time nonstop non_stop
sure: certain
dear: dearest most_expensive priciest costliest
"""
