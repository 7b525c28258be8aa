"""Words that look like others, misspelled, and are words."""

CONFUSABLE = """
trial trail diary dairy quite quiet casual causal angel angle martial marital united untied form from desert
dessert later latter lose loose cloth clothe breath breathe bath bathe affect effect accept except adapt adopt
advice advise device devise perverse preserve reverse revere calvary cavalry carton cartoon cannon canon
coarse course council counsel complement compliment discreet discrete elicit illicit eminent imminent ensure
insure assure inquiry enquiry human humane moral morale personal personnel principal principle statue statute
stationary stationery staring starring starting scared scarred sacred planning planing hoping hopping dining
dinning pining pinning filing filling tiling tilling biter bitter latter ladder super supper diner dinner
maternal paternal tide tied tire tyre tired tried sliver silver salve slave board broad bored brake break
beard bread bared barred starter stater marsh march model modal metal mental medal meddle petal pedal
rational rationale local locale moped mopped caned canned saint stain paint print point pint plain plan plane
place palace pace peace piece price prize prince bride bridge badge barge large lager charge change
single signal singe silent listen brain bairn barin train tarin bran barn scan scam cancel cancer canal
infect inflect inject reject eject elect select detect defect deflect reflect respect inspect prospect
thorough through though thought tough hole whole write right rite waste waist week weak weather whether
poison prison pension person mission emission omission ration nation notion lotion potion portion
pear peer pair pare cereal serial hearth heart earth health wealth heath contact contract contrast
solder soldier older holder immoral immortal mortal mortar motor matter mater meter metre liter litre
expand expend extend intend attend amend mend mind wind wined wined window widow meadow shadow
crash cash crush rush brush blush flash flesh fresh clean clear bear bare hair hare hear here
stream steam steal steel still style quit suit suite site sight cite size seize sauce source
adsorption absorption interstate intrastate
message massage disease decease expansive expensive vacation vocation adoption adaption collision collusion
pasture posture carrier courier career sweater sweeter conscious conscience decent descent dissent
insulation installation consultation consolation corporation cooperation contest context retinol retinal
nitrate nitrite batter better butter litter letter master mister muster ballet ballot bullet pallet pellet
packet pocket hammer hummer simmer summer wander wonder winter tender tinder sander sender lender bender
binder candle handle bundle bangle bungle jangle jungle mangle mingle tackle tickle buckle suckle sickle
pickle puddle paddle peddle middle muddle fiddle saddle settle rattle cattle kettle bottle battle beetle
temple simple sample tumble rubber robber dipper copper zipper stable staple barber burger border harden
hidden warden burden garden farmer former firmer mutton mitten button cotton canter center banter hunter
ponder pander gander gender fender finder hinder cinder dollar collar cellar filler fuller mutter potter
patter putter cutter gutter setter sitter racket rocket locket socket bucket jacket wallow willow hollow
hallow fellow follow fallow bellow billow barrow borrow burrow furrow farrow breach broach braise bruise
petrol patrol parish perish morals murals retail retell parson blister bluster spectre marine murine barren
barron warrant warren warranty lasting listing costing casting prescribe proscribe exercise exorcise
persecute prosecute ingenious ingenuous insolation precede proceed
"""

REAL = """
form forms team teams head heads hand hands hat hats tank tanks heat wheat wear stay stays plus exit exits
dose doses term terms once though steep sine guest guests sport rally peer pear pier weird sad punt gent intro
sow dar brit chan hans hart ben andy don bing ding gong oust thorough bout fro haste hasp tow thin thins bee
wee ware mare mead gist gust host whim gild guild
"""
"""Words that are one slip away from a word of grammar, and are none."""
