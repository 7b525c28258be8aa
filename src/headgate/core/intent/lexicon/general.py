"""English words of everything else: writing, translating, facts, life. As in `code`; the collocations at the
end are those in which a word of the other lists means something homely.
"""

SURE = """
recipe poem haiku limerick sonnet short_story bedtime_story fairy_tale lyrics joke pun birthday_card
thank_you_note cover_letter wedding_speech best_man love_letter love_life love_story condolence condolences
eulogy toast_for itinerary sightseeing honeymoon vacation hotel restaurant museum tourist beach_holiday
dress_code what_to_wear translate translation synonym antonym another_word pronounce plural_of etymology
word_come summarise_this_article summarize_this_article summarise_the_article summarize_the_article rephrase
paraphrase proofread reword passive_aggressive more_polite more_formal less_formal instagram tiktok youtube
caption tweet linkedin_post horoscope zodiac astrology tarot capital_of president_of prime_minister
world_cup world_war olympics who_wrote who_painted who_invented who_discovered who_directed who_won who_sang
who_was who_founded who_built roman_empire middle_ages french_revolution cold_war renaissance headache
sore_throat stomach_ache fever rash itch allergy pregnant pregnancy vitamin diet_plan weight_loss skincare
haircut hairstyle outfit engagement_ring necklace girlfriend boyfriend roommate break_up breakup first_date
dating_profile dating_app mother_in_law houseplant gardening sourdough dough gluten_free vegan vegetarian
cake cookies_recipe breakfast brunch casserole good_morning good_night good_evening how_are_you who_are_you
tell_me_about_yourself thank_you cheer_me vent_for proof_of_purchase proof_of_address proof_of_income
proof_of_residence proof_of_life proof_of_funds proof_the_dough proof_the_bread bug_bite bug_bites bug_spray
bed_bug bed_bugs code_of_conduct zip_code postal_code area_code building_code tax_code penal_code civil_code
morse_code da_vinci_code discount_code promo_code cheat_code bro_code ball_python pet_python monty_python
java_island java_coffee java_sea taylor_swift swift_album ruby_ring ruby_slippers ruby_earrings gold_or_ruby
rust_stain rust_stains rust_on rust_from rusty shell_beach sea_shell seashell egg_shell port_wine port_city
cruise_port spring_break spring_cleaning spring_flowers boot_leather string_quartet string_cheese
string_lights g_string guitar_string table_manners coffee_table dining_table kitchen_table class_reunion
yoga_class dance_class cooking_class school_class middle_class world_class working_class business_class
first_class class_trip film_script movie_script play_script screenplay function_room power_of_attorney
null_and_void server_at_the tennis_server branch_of_a tree_branch olive_branch family_tree christmas_tree
memory_lane childhood_memory memory_foam love_language body_language sign_language language_school
commit_to_a commitment marriage fork_and_knife pitch_fork cookie_dough chocolate_chip cookies_and chip_shop
fish_and_chips cloud_nine rain_cloud stream_a_movie thread_count sewing_thread needle_and patch_of_grass
vegetable_patch bridge_loan card_trick greeting_card christmas_card wedding_table character_development
public_speaking elephant_in_the lead_singer heavy_metal rock_band key_west car_keys house_key piano_keys
keyboard_player apple_pie apple_tree tip_in tip_the mean_to_me mean_girls average_joe calculated_insult
chemistry_between integral_part prime_minister's prime_rib amazon_prime prime_video prime_time optimus_prime
equation_of_life solve_the_mystery murder_mystery odd_one even_though at_odds odds_and_ends logic_pro
some_assembly assembly_required constant_comment sum_up sum_it_up royal_family triangle_of_sadness
love_triangle bermuda_triangle inner_circle circle_of_friends vicious_circle prime_of_life rule_of_thumb
python_or python_as a_pet my_ex_girlfriend sort_of_person server_was server_spilled server_forgot waiter
waitress bug_in_my table_etiquette set_the_table setting_the_table string_section a_string_of
string_instrument class_of_people cello violin orchestra choir opera theatre theater drummer nursery_rhyme
bedtime tongue_twister christening baptism bar_mitzvah maid_of_honor bachelorette hen_party monologue
how_do_you_say how_do_you_pronounce how_is_it_said how_do_you_spell where_is_that_from what_does_the_idiom
idiom proverb folklore monarch penicillin pharaoh viking samurai aztec buddhist catholic protestant bible
quran torah pirate dragon fairy princess wizard detox java_or cup_of_java ruby_or ruby_jewellery
swift_response swift_recovery
"""

LIKELY = """
story stories tale novel novels essay speech letter email e_mail text_message message note invitation invite
slogan tagline brand_name name_ideas names_for product_description press_release blog_post newsletter
announcement poetry rhyme song songs singer album band concert movie film films actor actress book books
author painter artist painting character characters scene dialogue monologue plot podcast documentary
role_play roleplay pretend act_as you_are_a stay_in_character write_me write_a_letter draft_a draft_an
compose rewrite_this_email summarise summarize summary tl_dr bullet_points in_simple_words in_simple_terms
simple_terms explain_to_a eli5 like_i'm year_old describe biography history historical ancient medieval
century dynasty empire emperor battle religion religious islam christianity buddhism mythology legend
folklore tradition festival christmas easter halloween thanksgiving ramadan diwali anniversary funeral
celebrate gift gifts present_for visiting airport cruise tour backpacking camping hiking capital currency
spanish french german italian portuguese japanese chinese arabic hindi korean polish dutch english grammar
vocabulary spelling proverb idiom meaning_of what_does_it_mean word_for definition food cook cooking bake
baking ingredients dish dishes soup sauce pasta meal meals snack wine beer coffee tea cocktail health
healthy doctor dentist medicine symptoms pain sleep insomnia anxiety anxious depressed stress stressed
therapy therapist meditation yoga exercise_routine workout stretch mood feel feeling feelings sad lonely
angry upset grief heartbroken tired bored motivational inspire inspiring quote quotes friendship
relationship coworker colleague_who puppy kitten pet pets animal animals bird birds plant plants garden
flowers tree_in weather climate sky ocean rainbow planet moon star_sign dress shirt shoes jacket wear
fashion color_scheme colour_scheme decor living_room bedroom sofa kitchen_ideas apartment_tour hobby hobbies
sport football soccer basketball tennis workout_plan recommend recommendation suggest suggestion suggestions
ideas_for advice tips opinion favourite favorite best_way_to_say polite politely nicely sincerely apology
apologise apologize sorry complain complaint refund membership cancel_my congratulations congratulate
welcome_message farewell retirement retiring resume cv job_interview interview_questions small_talk
conversation_starters icebreaker ice_breaker elevator_pitch hello hi hey thanks cheers bye goodbye when_was
when_did where_was where_did dinner husband wife my_ex grandparents cookies cookie pancake bread salad
cheese rice potatoes mushroom mushrooms asparagus avocado banana tomato onion garlic salmon tart pie
ice_cream vodka whiskey tulips roses orchid lawn basil cactus horse horses cow goat rabbit hamster parrot
penguin whale dolphin shark bee bees butterfly spider lion giraffe elephant snake boa squirrel river lake
island mountain desert forest volcano village_life castle cathedral mosque temple_visit palace bridge_in
statue pyramid shampoo makeup lipstick perfume tattoo piano guitar drums flute violinist melody chord
album_of novelist playwright philosopher philosophy poet saint pope president queen_of king_of emperor_of
parliament senate democracy constitution revolution treaty colony knight_in etiquette manners tradition_of
greeting compliment nickname rumor gossip crush flirt kiss hug cry laugh smile funny_line pun_on puns rhymes
verse stanza chorus ballad opening_chapter chapter plot_twist narrator villain heroine pirate_voice cough
fever flu knee shoulder back_pain nausea sunburn allergic dentist_visit massage marathon_tips ski surfing
fishing sailing knitting sewing crochet pottery museum_of gallery exhibition broadway hollywood netflix
oscar grammy nobel trivia quiz riddle_for_kids fun_facts opening_hours appointment parcel suitcase luggage
passport visa embassy taxi refund_for warranty_letter furniture curtains carpet mattress stain stains
laundry ironing
"""

HINT = """
write draft reply respond tone warm formal informal friendly funny humorous serious gentle cheesy
melancholic paragraph sentence sentences words headline title translate_to say said tell told talk talking
ask_him ask_her people person man woman girl boy child children life love world nature art music culture
society politics government law lawyer election school university student students study_tips exam_nerves
homework_help moral ethical meaning purpose happiness success career job boss manager team_building
meeting_invite morning evening night weekend summer winter autumn fall holiday season room house home
apartment flat street town village place places area_to beautiful nice cute cozy romantic traditional famous
popular best good bad interesting fun fun_fact facts about what_is_a who where when interview quotes_about
buy shop shopping store brand phone_case car bike train_station bus hair skin eyes body face hands legs feet
god church temple prayer soul spirit dream dreams friend friends family mother mum mom father dad daughter
son sister brother grandmother grandma grandpa grandfather aunt uncle cousin kids toddler baby teenager
teacher neighbour neighbor landlord dog dogs cat cats customer country city language languages ex_girl
chess_club wedding birthday party visit trip travel flight lunch dinner_at chicken king queen war happy
tell_me explain_to_my how_long_do what_kind_of old young death died born married
"""
