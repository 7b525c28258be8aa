"""How hurried people write: chat, common misspellings, and the spelling of Britain beside that of America."""

CHAT = """
you: u
your: ur yr
please: pls plz plss pleas
thanks: thx thnx tnx
because: bcoz bcuz cuz coz becuz becos becouse becuase
before: b4 befor
without: witout wihtout
what: wat wut wht waht whta
what's: wats whts
who's: whos
where's: wheres
how's: hows
that's: thats
with: wiht wtih iwth wih wth
which: wich whcih whihc wihch whitch
when: wen whn wehn
where: wher whre wheer
how: hwo
why: wy whyy
want_to: wanna
going_to: gonna goin
got_to: gotta
do_not_know: dunno
about: abt abot
between: btwn betwen
and: adn
the: teh hte
for: fo ofr
from: frm
can: cna acn
do: doo
does: deos
have: hav hve ahve
has: hsa
should: shud shoud shold shld
could: cud coud culd
would: wud woud wuld
they: tehy thye
their: thier
people: ppl poeple peopel pepole
tomorrow: tmrw tmr tommorow tommorrow tomorow 2moro
tonight: 2nite tonite
today: 2day
great: gr8
near: neer
much: mcuh muhc
many: mnay mayn
some: soem smoe
after: aftr aftre
often: ofen offen oftn
over: ovr
not: nto
this: tihs thsi
first: frist fisrt firts
third: thrid
second: secnod secund
until: untill
wednesday: wensday wednsday
february: febuary feburary
government: goverment
cannot: canot
"""

SPELT = """
gray: grey
tire: tyre
tires: tyres
plow: plough
aluminum: aluminium
pajamas: pyjamas
mustache: moustache
skeptic: sceptic
skeptical: sceptical
jewelry: jewellery
program: programme
programs: programmes
mold: mould
moldy: mouldy
cozy: cosy
license: licence
defense: defence

practice: practise
artifact: artefact
donut: doughnut
donuts: doughnuts
yogurt: yoghurt yoghourt
enroll: enrol
fulfill: fulfil
enrollment: enrolment
airplane: aeroplane
airplanes: aeroplanes
maneuver: manoeuvre
math: maths
"""

REAL = """
form dose angel minuet barley quite trail moths exits forth abel bene lest gest pari cpus bras
fete arce acer mots horus cnet ponds grater fro thru
"""
