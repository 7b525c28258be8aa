"""Words of grammar: those that change what is asked, and those that change nothing."""

NEGATION = """
not: not never cannot neither nor non no | nicht kein keine keinen keinem keiner keines niemals nie pas
 jamais ne
 ni_ne_pas nunca jamás não nao nem niet geen non inte ikke нет не لا غير ليس ليست بدون नहीं मत 不 没 無 无 非
without: without | sans ohne sin sem senza zonder
none: none nobody nothing nowhere | nadie nada niemand nichts personne rien ninguém ninguno
"""

MODALITY = """
can: can could may might able allowed permitted possible permit permits allow allows let lets
 legally_allowed ok_to okay_to fine_to alright_to all_right_to acceptable |
 kann können darf dürfen kannst peut pouvez puis peux puede puedo pueden pode posso podem
should: should ought wise advisable recommended better_to worth sensible | sollte soll sollen devrais
 devrait
 faudrait debería debo_mejor deveria recomendable
must: must need needs needed required require requires obliged obligatory mandatory necessary have_to
 has_to |
 muss müssen musst dois doit doivent debe debo deben deve devo precisa preciso
would: would wouldn
"""

QUANTIFIERS = """
all: all every each everyone everybody everything | alle jeder jede jedes tous toutes chaque todos todas
 cada tutti 每 所有 全部 कुल सभी كل
some: some several few | einige manche quelques algunos algunas alguns algumas
only: only solely exclusively | nur seulement solo solamente só somente apenas
at_least: at_least minimum_of | mindestens al_menos au_moins pelo_menos
at_most: at_most maximum_of up_to no_more_than | höchstens
both: both | beide ambos
either: either
most: most_of majority
none: none_of
almost: almost nearly approximately roughly about_how_much
exactly: exactly
another: another
every_second: every_other every_second
half: half
same: same
"""

COMPARATIVES = """
more: more | mehr plus más mais
less: less fewer | weniger moins menos
most: most
least: least
than: than | als
larger: larger bigger greater | größer
smaller: smaller | kleiner
best: best top greatest finest | beste meilleur mejor melhor
worst: worst
better: better | besser
worse: worse
too: too_much too_many excessive
enough: enough sufficient
longer: longer | länger
"""

PERSONS = """
wife: wife
husband: husband
partner: partner spouse fiancé fiancée
father: father dad daddy papa
mother: mother mum mom mama mommy mummy
son: son
daughter: daughter
brother: brother
sister: sister
child: child kid kids children toddler
baby: baby babies infant newborn
grandfather: grandfather grandpa granddad
grandmother: grandmother grandma granny nan
friend: friend friends mate buddy
colleague: colleague coworker co-worker
boss: boss manager supervisor
neighbour: neighbour neighbor neighbours neighbors
tenant: tenant renter lodger
landlord: landlord landlady
employer: employer
employee: employee
adult: adult adults grown-up grown-ups grownup grownups grown_up grown_ups
teenager: teenager teen teens
student: student pupil
teacher: teacher
doctor: doctor physician doc dr
patient: patient
customer: customer client
uncle: uncle
aunt: aunt
cousin: cousin
girlfriend: girlfriend
boyfriend: boyfriend
pregnant: pregnant pregnancy pregnancies expecting | enceinte schwanger embarazada grávida
man: man men male
woman: woman women female lady
"""

OWNERS = "my mine our ours his her their theirs mein meine mon ma mes mi mis meu minha sein seine"
SELF = "i me we us myself | ich mir mich je moi yo eu nós 我 私"
OTHER = "he him she hers himself herself they them | er ihn ihm sie il elle él ella ele ela 他 她"

LANGUAGES = """
english german french spanish portuguese italian dutch danish swedish norwegian finnish icelandic polish
czech slovak hungarian romanian bulgarian serbian croatian slovenian bosnian albanian greek turkish russian
ukrainian belarusian latvian lithuanian estonian arabic hebrew persian farsi urdu hindi bengali punjabi tamil
telugu marathi gujarati malayalam kannada thai lao vietnamese khmer burmese indonesian malay tagalog filipino
japanese korean chinese mandarin cantonese mongolian swahili zulu afrikaans latin esperanto irish welsh gaelic
catalan basque galician | englisch deutsch französisch spanisch italienisch portugiesisch anglais allemand
français espagnol italien inglés alemán francés español italiano português inglês alemão francês espanhol
"""

FORMATS = """
table: table tabular | tableau tabelle tabla tabela 表格
json: json
xml: xml
yaml: yaml
csv: csv
html: html
markdown: markdown
list: bullet bullets bullet_points checklist list_form
prose: prose paragraph paragraphs
poem: poem verse rhyme 诗
haiku: haiku
limerick: limerick
sonnet: sonnet
story: story tale
email: email e-mail e_mail mail
letter: letter
code: code_only snippet
sentence: sentence sentences | phrase phrases satz
word: one_word
page: page pages
essay: essay
report: report
step: step_by_step every_step
summary: summary summarize summarise tldr | résumé résume
short: short brief briefly concise concisely in_short
long: long_explanation detailed in_detail thorough thoroughly depth
tone_formal: formal formally
tone_casual: informal casual
"""

SCOPE = "this these below attached above | dieser diese dieses ce cette esta este ده هذا 这 この"
GENERAL = "general typically generally"

QUESTIONS = """
who: who whom whose which_person what_person which_scientist which_artist which_painter which_author
 which_writer which_composer which_inventor which_explorer which_man which_woman what_scientist what_artist
 what_painter what_author what_writer what_composer what_inventor what_explorer what_man what_woman |
 wer wen wem qui quién quem chi 谁 誰
when: when what_year which_year what_date which_date what_day which_day what_time what_exact_date | wann
 quand cuándo quando
where: where | wo woher wohin où dónde onde 哪里 哪儿
why: why how_come what_makes what_causes for_what_reason | warum wieso pourquoi 为什么 porque_é
how_many: how_many how_much how_much_money what_number what_amount | wie_viele wie_viel wieviel combien
 combien_de cuánto quanto cuántos cuántas quantos quantas
how_long: how_long what_duration duration length_of_time amount_of_time | wie_lange
what: what which | was welche welcher welches quel quelle quels quelles qué cuál cuáles qual quais que cosa
how_old: how_old what_age which_age | wie_alt
how_far: how_far | wie_weit
how_often: how_often how_frequently
how: how how_to | wie comment cómo como womit
"""

CHOICE = "or | oder ou eller или أو 或"

HINGES = """
if: if unless because although though
then: then
only: only almost
not: not
which: who whom whose which that
"""

RELATING = """
have: have has had having
give: give gives gave given
use: use uses used using
make: make makes made making
take: take takes took taken taking
get: get gets got getting
want: want wants wanted
"""

PREPOSITIONS = """
from: from | von de_la desde ab
to: to into onto toward towards | nach zu vers hasta
than: than
by: by | durch par
between: between | zwischen entre
over: over
under: under underneath beneath
before: before prior_to | vor
after: after
since: since
until: until till
with: with | mit avec con com
without: without
instead: instead rather
except: except excluding | außer sauf excepto exceto
against: against versus vs | gegen contre contra
minus: minus
of: of in on at for about during regarding concerning within inside among per via through | à en em no na
 au aux del dans sur
 im am um auf bei für über aus pour
"""

AUXILIARIES = """
is are am be been being was were do does did has have had having will would can could may might must
should shall |
ist sind war hat haben wird werden est sont ont está são foi tem
"""

PAST = "did was were had ago ago yesterday formerly"
FUTURE = "will shall gonna tomorrow"

IRREGULAR = """
took: take taken
went: go gone
bought: buy
brought: bring
built: build rebuilt
broke: break broken
burnt: burn burned
caught: catch
chose: choose chosen
came: come
drank: drink drunk
drove: drive driven
ate: eat eaten
fell: fall fallen
felt: feel
found: find
flew: fly flown
forgot: forget forgotten
gave: give given
got: get gotten
grew: grow grown
held: hold
kept: keep
knew: know known
led: lead
left: leave
lent: lend
lost: lose
made: make
meant: mean
met: meet
paid: pay
rode: ride ridden
ran: run
said: say
saw: see seen
sent: send
sold: sell
shot: shoot
slept: sleep
spoke: speak spoken
spent: spend
stole: steal stolen
stuck: stick
swam: swim swum
taught: teach
told: tell
thought: think
threw: throw thrown
understood: understand
wore: wear worn
won: win
wrote: write written
bit: bite bitten
began: begin begun
became: become
froze: freeze frozen
woke: wake woken
drew: draw drawn
hid: hide hidden
shook: shake shaken
sang: sing sung
rang: ring rung
sank: sink sunk
shrank: shrink shrunk
tore: tear torn
dealt: deal
fed: feed
fought: fight
hung: hang
heard: hear
learnt: learn
lit: light
proved: prove proven
showed: show shown
sat: sit
slid: slide
spelt: spell
spilt: spill
stood: stand
struck: strike
swept: sweep
swelled: swell swollen
bent: bend
bled: bleed
dug: dig
dreamt: dream
rose: rise risen
swung: swing
wound: wind
blew: blow blown
forgave: forgive forgiven
dealt: deal
sewed: sew sewn
died: die
tied: tie tying
hurt: hurt
lay: lie
lied: lie
"""

LIGHT = """
travel travelling visit run running roll rolling cause causing happen occur work works working help helps come
comes bring bringing carry cover covers offer offers provide provides contain contains serve stand stay live
become exist involve include happen occur last lasts like done apply applies belong handle deal achieve
accomplish perform manage succeed try experience face encounter consider recipient amount value total number
general
command term terms range case cases time times place common main different certain particular various typical
usual exact current actual real whole entire overall person people scientist user users someone result
translate translation list listing
komme kommt gehen geht macht machen bekomme funktioniert sein faire fait aller va hacer hago puedo
"""

INFINITIVE = """
how way ways want need needs needed like able going have has had right safe ok okay fine possible impossible
legal illegal allowed permitted necessary good bad better best easy hard difficult dangerous healthy cheaper
normal required advisable time try trying order supposed where when what whether not ought wise worth
"""

AMOUNTS = """
cost price fee amount number population rate percentage total sum length duration time year date day hour
distance age height width depth weight size speed frequency temperature value quantity life_expectancy
"""

STANCES = """
argument case vote evidence reason petition campaign essay speech fight plea pro con verdict
"""

WAYS = """
difference compare name say happen mean define cause effect help prevent treat tall big wide deep heavy old
"""

BECAUSE = """
homework crossword quiz trivia recall remember bet arguing argued curious wondering forgot forgotten
essay exam
crucigrama deberes tarea kreuzworträtsel hausaufgaben devoirs palavras_cruzadas
"""

FILLERS = """
the a an this that these those it its there here and but so if then as well any also just quite very really
please kindly hi hello hey dear thanks thank you your yours yourself hiya ok okay
tell explain describe show give name know want like wanting wish wonder wondering asking ask
question questions
answer help helping assist looking look find out figure recall curious idea guess
simply actually basically currently right now exactly say says said
do does did doing done is are am be been being was were has have had having will would shall
way ways steps step process procedure method proper properly correct correctly thing things stuff bit
someone somebody one ones something anything get gets getting go going use using make makes making
take takes taking put
since setting settings having convert conversion beforehand each_other available need_a
credited pls plz thx cheers & yes_or_no
in on at of for to by with about from into onto over during through per via upon out up off down
usual usually normally commonly generally typically people person my_own your_own our_own their_own its_own
kind sort type called considered named exist exists existing
|
der die das den dem des ein eine einen einem einer eines ist sind man es und aber bitte mir man wie wo
le la les l un une des du de d est sont et on il y que qu c ce se s
el los las una uno unas unos del al es son y o se lo que qué cuál cuáles está están
o os as um uma uns umas do da dos das no na nos nas é são e eu faço faz fazer
hay du er sie wir ihr je tu nous vous yo él
的 吗 呢 了 是 请 吧 啊 个 们 你 您 は が を に で の と も へ か ね よ です ます
ما هي هو من في على عن إلى هل كيف متى أين الـ و
है हैं का की के को से में और या क्या कैसे
"""
