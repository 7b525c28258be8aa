"""Numbers, units, dates and places: what never stands for something else of its kind."""

NUMBERS = """
0: zero null | cero zéro
2: two twice couple pair | zwei deux dos dois duas due 二 两 إثنان
3: three thrice | drei trois tres três tre 三
4: four | vier quatre cuatro quatro 四
5: five | fünf cinq cinco 五
6: six | sechs seis 六
7: seven | sieben sept siete sete 七
8: eight | acht huit ocho oito 八
9: nine | neun neuf nueve nove 九
10: ten | zehn dix diez dez 十
11: eleven | elf onze once
12: twelve dozen | zwölf douze doce doze
13: thirteen | dreizehn treize
14: fourteen | vierzehn quatorze
15: fifteen | fünfzehn quinze quince
16: sixteen | sechzehn seize
17: seventeen | siebzehn
18: eighteen | achtzehn
19: nineteen | neunzehn
20: twenty | zwanzig vingt veinte vinte
30: thirty | dreißig trente treinta trinta
40: forty | vierzig quarante cuarenta quarenta
50: fifty | fünfzig cinquante cincuenta cinquenta
60: sixty | sechzig soixante sesenta sessenta
70: seventy | siebzig setenta
80: eighty | achtzig ochenta oitenta
90: ninety | neunzig noventa
100: hundred | hundert cent cien cem 百
1000: thousand k | tausend mille mil 千
1000000: million millions | millionen
1000000000: billion | milliarde milliard
"""

ORDINALS = """
#1: first 1st | erste ersten erster premier première primero primera primeiro 第一
#2: second 2nd | zweite zweiten deuxième segundo segunda
#3: third 3rd | dritte troisième tercero terceiro
#4: fourth 4th | vierte
#5: fifth 5th | fünfte
#6: sixth 6th
#7: seventh 7th
#8: eighth 8th
#9: ninth 9th
#10: tenth 10th
#11: eleventh 11th
#12: twelfth 12th
#13: thirteenth 13th
#14: fourteenth 14th
#15: fifteenth 15th
#16: sixteenth 16th
#17: seventeenth 17th
#18: eighteenth 18th
#19: nineteenth 19th
#20: twentieth 20th
#30: thirtieth 30th
#40: fortieth 40th
#50: fiftieth 50th
#60: sixtieth 60th
#70: seventieth 70th
#80: eightieth 80th
#90: ninetieth 90th
#100: hundredth 100th
#last: last latest final | letzte dernier último
#next: next upcoming | nächste prochain próximo
#previous: previous
"""

UNITS = """
kilometer: km kms kilometer kilometers kilometre kilometres kilómetros quilômetros kilomètres
meter: m meter meters metre metres
centimeter: cm centimeter centimeters centimetre centimetres
millimeter: mm millimeter millimeters millimetre millimetres
mile: mile miles mi
nautical: nautical
yard: yard yards
foot: foot feet ft
inch: inch inches
kilogram: kg kgs kilo kilos kilogram kilograms kilogramm
gram: gram grams gramme grammes gramm g
milligram: mg milligram milligrams
microgram: mcg µg microgram micrograms
pound: pound pounds lb lbs | livre livres pfund
ounce: ounce ounces oz
ton: ton tons tonne tonnes
stone: stones
liter: liter liters litre litres l
milliliter: ml milliliter milliliters millilitre millilitres
gallon: gallon gallons
pint: pint pints
cup: cup cups
tablespoon: tablespoon tablespoons tbsp
teaspoon: teaspoon teaspoons tsp
second: seconds sec secs | sekunde sekunden
millisecond: millisecond milliseconds ms
usd_cent: cent cents
microsecond: microsecond microseconds µs
nanosecond: nanosecond nanoseconds ns
minute: minute minutes min mins | minuten
hour: hour hours hr hrs | stunde stunden heure heures hora horas
day: day days daily | tag tage tagen jour jours día días dia dias
week: week weeks weekly wk wks | woche wochen semaine semaines semana semanas
month: month months monthly | monat monate mois mes meses mês
year: year years yearly annual annually yr yrs | jahr jahre an ans année años ano anos
decade: decade decades
century: century centuries
celsius: celsius centigrade °c
fahrenheit: fahrenheit °f
kelvin: kelvin
percent: percent % pct | prozent pourcent
dollar: dollar dollars usd $ us_dollar us_dollars
euro: euro euros eur €
sterling: gbp £ quid
yen: yen jpy ¥
rupee: rupee rupees inr ₹
franc: franc francs chf
krone: krone kroner krona kronor nok sek dkk
zloty: zloty zlotys pln
yuan: yuan renminbi cny rmb
peso: peso pesos
lira: lira liras
bit: bit bits
byte: byte bytes
kilobyte: kb kilobyte kilobytes
megabyte: megabyte megabytes
gigabyte: gb gigabyte gigabytes
terabyte: tb terabyte terabytes
watt: watt watts
kilowatt: kw kilowatt kilowatts
kwh: kwh
volt: volt volts
ampere: amp amps ampere amperes
hertz: hz hertz
joule: joule joules
calorie: calorie calories
kilocalorie: kcal kilocalories
acre: acre acres एकड़
hectare: hectare hectares
bigha: बीघा
square: square squared sq
cubic: cubic cubed
mph: mph
kmh: km/h kmh kph
knot: knots
bar: bar
psi: psi
"""

PLACES_CASED = """
usa: US USA
uk: UK
"""

CASED = """
megabyte: MB
megabit: Mb Mbit Mbps
gigabit: Gb Gbit Gbps
kilobit: kbps kbit
milliwatt: mW
megawatt: MW
"""

SYMBOLS = """
-: minus
"""

DATES = """
monday: monday mondays mon | montag lundi lunes segunda-feira
tuesday: tuesday tuesdays tue | dienstag mardi martes
wednesday: wednesday wednesdays wed | mittwoch mercredi miércoles
thursday: thursday thursdays thu | donnerstag jeudi jueves
friday: friday fridays fri | freitag vendredi viernes
saturday: saturday saturdays sat | samstag samedi sábado
sunday: sunday sundays | sonntag dimanche domingo
january: january jan | januar janvier enero janeiro
february: february feb | februar février febrero fevereiro
march: march | märz marzo março
april: april apr | avril abril
may: mai | maggio mayo maio
june: june jun | juni juin junio junho
july: july jul | juli juillet julio julho
august: august aug | août agosto
september: september sep sept | septembre septiembre setembro
october: october oct | oktober octobre octubre outubro
november: november nov | novembre noviembre novembro
december: december dec | dezember décembre diciembre dezembro
today: today | heute aujourd'hui hoy hoje 今天
tomorrow: tomorrow | morgen demain mañana amanhã 明天
yesterday: yesterday | gestern hier ayer ontem 昨天
tonight: tonight
am: a_m
pm: pm p_m
morning: morning mornings
afternoon: afternoon
evening: evening evenings
night: night nights
noon: noon midday
midnight: midnight
weekend: weekend weekends
spring: springtime
summer: summer
autumn: autumn
winter: winter
christmas: christmas xmas
easter: easter
"""

PLACES = """
usa: usa united_states united_states_of_america america american americans | états-unis estados_unidos
 americano
uk: uk united_kingdom britain great_britain british
england: england english_law
scotland: scotland scottish
wales: wales
ireland: ireland
germany: germany | deutschland
france: france
spain: spain | spanien españa
italy: italy
switzerland: switzerland swiss | schweiz
austria: austria austrian | österreich
netherlands: netherlands holland
belgium: belgium belgian
portugal: portugal
poland: poland
sweden: sweden
norway: norway
denmark: denmark
finland: finland
iceland: iceland island_country
greece: greece
turkey: turkey türkiye
russia: russia
ukraine: ukraine
hungary: hungary
romania: romania
bulgaria: bulgaria
brazil: brazil brazilian brazilians | brasil
argentina: argentina argentinian argentine
mexico: mexico mexican
canada: canada canadian canadians
australia: australia australian australians
india: india indian indians
china: china
japan: japan
korea: korea
egypt: egypt egyptian
kenya: kenya kenyan
nigeria: nigeria nigerian
singapore: singapore singaporean
eu: eu european_union
europe: europe european europeans
asia: asia asian
africa: africa african
nyc: nyc new_york_city
la_city: los_angeles
sf: san_francisco sf
uae: uae emirates united_arab_emirates
"""
