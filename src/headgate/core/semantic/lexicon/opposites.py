"""Words of which one is not the other, whatever vectors or letters say. Opposites: `a/b`."""

ANTONYMS = """
increase/decrease raise/lower rise/fall grow/shrink gain/lose expand/contract thicken/thin widen/narrow
lengthen/shorten strengthen/weaken improve/worsen speed/slow accelerate/decelerate heat/cool warm/cool
freeze/melt freeze/thaw boil/freeze inflate/deflate fill/empty add/remove add/subtract add/delete
insert/remove
insert/delete attach/detach connect/disconnect plug/unplug mount/unmount install/uninstall enable/disable
activate/deactivate open/close open/shut start/stop start/end begin/end begin/finish launch/quit block/unblock
lock/unlock mute/unmute follow/unfollow subscribe/unsubscribe load/unload upload/download import/export
encrypt/decrypt encode/decode compress/decompress zip/unzip push/pull send/receive give/take give/receive
buy/sell lend/borrow rent/own rent/buy lease/buy win/lose pass/fail accept/reject accept/refuse approve/reject
agree/disagree allow/forbid allow/prohibit allow/deny permit/deny grant/revoke include/exclude hire/fire
employ/dismiss join/leave enter/exit enter/leave arrive/depart arrival/departure come/go land/takeoff
push/pull lift/lower ascend/descend ascending/descending climb/descend up/down upgrade/downgrade
upstream/downstream upstairs/downstairs inbound/outbound incoming/outgoing import/export input/output
internal/external interior/exterior inside/outside indoor/outdoor indoors/outdoors inner/outer front/back
front/rear left/right top/bottom first/last early/late earliest/latest earlier/later before/after
pre/post new/old newest/oldest young/old modern/ancient recent/old long/short tall/short high/low
highest/lowest
higher/lower big/small large/small largest/smallest biggest/smallest longest/shortest tallest/shortest
hot/cold hottest/coldest warm/cold wet/dry heavy/light heaviest/lightest hard/soft hard/easy difficult/easy
strong/weak stronger/weaker strongest/weakest strong/mild stronger/milder fast/slow faster/slower
fastest/slowest quick/slow rich/poor cheap/expensive cheaper/dearer cheapest/dearest good/bad better/worse
best/worst positive/negative advantage/disadvantage advantages/disadvantages pro/con pros/cons benefit/risk
benefit/drawback benefits/risks strength/weakness strengths/weaknesses success/failure profit/loss
asset/liability
income/expense revenue/cost credit/debit deposit/withdraw deposit/withdrawal save/spend saving/spending
save/delete earn/spend maximum/minimum maximise/minimise maximize/minimize max/min more/less more/fewer
most/least many/few majority/minority above/below over/under greater/smaller greater/less larger/smaller
bigger/smaller true/false right/wrong correct/incorrect legal/illegal lawful/unlawful safe/dangerous
safe/unsafe
safe/risky healthy/unhealthy healthy/sick edible/poisonous edible/inedible toxic/harmless possible/impossible
public/private domestic/foreign domestic/international national/international local/remote urban/rural
online/offline manual/automatic wired/wireless digital/analog analogue/digital synchronous/asynchronous
static/dynamic mutable/immutable active/passive active/inactive alive/dead live/die birth/death born/died
male/female man/woman boy/girl husband/wife father/mother son/daughter brother/sister uncle/aunt king/queen
landlord/tenant employer/employee buyer/seller lender/borrower teacher/student doctor/patient
plaintiff/defendant
guest/host parent/child adult/child summer/winter day/night morning/evening sunrise/sunset am/pm north/south
east/west northern/southern eastern/western acid/base acidic/alkaline proton/electron cathode/anode
solid/liquid
sweet/sour sweet/bitter sweet/savoury raw/cooked fresh/stale vegan/meat vegetarian/meat with/without
love/hate like/dislike happy/sad friend/enemy war/peace attack/defend victory/defeat offensive/defensive
hide/show reveal/hide show/hide zoom_in/zoom_out sign_in/sign_out log_in/log_out login/logout turn_on/turn_off
switch_on/switch_off put_on/take_off wax/wane simple/complex single/married single/double single/multiple
odd/even prime/composite convex/concave clockwise/counterclockwise vertical/horizontal row/column rows/columns
full/empty full/partial complete/incomplete temporary/permanent fixed/variable gross/net before/after
introvert/extrovert optimistic/pessimistic hypertension/hypotension hyperthyroidism/hypothyroidism
hyperglycemia/hypoglycemia inductive/deductive qualitative/quantitative theory/practice cause/effect
cause/cure cause/treat prevent/cause question/answer problem/solution forward/backward toward/away
multiply/divide
sum/difference product/quotient square/cube sine/cosine sin/cos integral/derivative client/server read/write
get/set request/response producer/consumer supply/demand export/import bull/bear call/put long/short
abstract/concrete explicit/implicit objective/subjective sender/receiver wholesale/retail shallow/deep
打开/关闭 开/关 增加/减少 上/下 大/小 高/低 多/少 买/卖 最大/最小 优点/缺点 öffnen/schließen erhöhen/senken
vorteile/nachteile kaufen/verkaufen augmenter/diminuer ouvrir/fermer avantages/inconvénients acheter/vendre
aumentar/disminuir aumentar/diminuir abrir/cerrar abrir/fechar ventajas/desventajas vantagens/desvantagens
comprar/vender mayor/menor maior/menor mieux/pire chaud/froid
"""

TURNS = """
up/down above/below left/right
"""
"""Words that turn a question round wherever they stand, though elsewhere they say little."""

PARTICLES = """
on/off in/out into/out
"""
"""The same, behind one word: put on, put off."""
