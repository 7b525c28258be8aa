"""What people say around a question: politeness, that they do not know, why they ask. Without it, the same
question is the same.

Known weakness: only English frames are known; and who means what is a frame elsewhere is not heard.
"""

from __future__ import annotations

import re

from headgate.core.semantic import arranging, notation, slips, writing
from headgate.core.semantic.lexicon.table import BECAUSE, plain
from headgate.core.semantic.rewriting import Rewriting, Rule

RHETORICAL = re.compile(
    r"(?:^|(?<=[.?!] ))(ca|could|do|does|did|is|are|was|were|should|wo|would)(?:n't|nnot)\b(?=[^.!]*\?)"
    r"|(?:^|(?<=[.?!] ))(ca|could|do|does|did|is|are|was|were|should|wo|would)(?:n't|nnot)"
    r"(?= (?:i|we|you|they|he|she|it|an?|the|my|your|this|that|there)\b)",
    re.I,
)
DENIED = re.compile(r"\b(\w+)n't\b|\b(can)not\b", re.I)
HURRIED = re.compile(r"\b(ca|could|do|does|did|is|are|was|were|should|wo|would|have|has|had)nt\b", re.I)
CUT = {"ca": "can", "wo": "will", "sha": "shall"}
HELLO = re.compile(
    r"^(?:(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening|day))"
    r"(?: (?:there|all|everyone|everybody|team|folks|guys|support|helpdesk))*[,.!:;-]*\s+"
    r"|(?:just )?(?:a )?(?:quick|simple|short|silly|dumb|stupid) (?:one|question)[,.!:;-]+\s+"
    r"|(?:sorry|excuse me|please|question)[,:]\s+)+",
    re.I,
)
THANKS = re.compile(
    r"(?<=[?.!,]) *(?:many thanks|thanks|thank you|thx|cheers|ty)"
    r"(?: (?:so much|very much|a lot|in advance|for (?:your|the|any) help))*[.!]*\s*$",
    re.I,
)
"""What people say before and after it."""

POLITE = re.compile(
    r"\b(?=[cw])(?:can|could|would|will) (?:you|u|someone|somebody|anyone|anybody)\b"
    r"(?= (?:please |kindly )?(?:tell|explain|show|give|help|describe|list|name|find|write"
    r"|translate|let|remind|say|provide|suggest|recommend|clarify|advise|teach|guide))",
    re.I,
)
_WHO = r"(?:you|u|anyone|anybody|someone|somebody)"
_UNSURE = (
    r"(?:have (?:absolutely )?no idea"
    r"|(?:do not|don't|dont|didn't) (?:really |quite )?(?:know|understand|remember|get)"
    r"|(?:am |was )?(?:not sure|unsure|just wondering|wondering|curious|trying to (?:find|figure) out"
    r"|confused about)"
    r"|(?:really |just )?(?:want|need|wish|(?:would|'d) (?:like|love)) to (?:know|find out|understand|learn"
    r"|ask))"
)
_STEPS = r" (?:me|us) (?:some |the )?(?:instructions|directions|guidance|steps|advice|tips)"
_ME = r"(?: (?:me|us))?"
ASKING = re.compile(
    r"\b(?:[aA](?i:ny (?:idea|tips?|advice|suggestions?|thoughts)|dvice|dvise" + _ME + r")"
    rf"|[dD](?i:o(?:es)? {_WHO} (?:happen to )?know|irections)"
    rf"|[gG](?i:ive{_STEPS}|uidance|uide{_ME})"
    rf"|[iI](?![fnst]\b)(?i:(?:'m|m| am)? ?{_UNSURE}| need (?:some |your )?help|nstructions|nstruct{_ME})"
    r"|[jJ](?i:ust (?:curious|wondering))"
    r"|[nN](?i:ot sure|o idea|eed (?:some |your )?help)"
    r"|[qQ](?i:uick question)"
    rf"|[rR](?i:emind{_ME})"
    rf"|[sS](?i:(?:end|how){_STEPS}|how{_ME})"
    rf"|[tT](?i:each{_ME}|ell{_ME}|ips)"
    rf"|[wW](?i:e(?:(?:'m|m| am)? ?{_UNSURE}| need (?:some |your )?help)))"
    r"(?i:(?: on| about| as to| for| with)?[:,;.-]* "
    r"(?=(?:how|what|why|when|where|who|whom|whose|which|if|whether)\b))"
)
"""By first letters, in either case: so the others are not even tried."""
HELP = re.compile(
    r"^(?:(?:please |kindly )?(?:give|send|show) (?:me|us) (?:some |the )?(?:instructions|directions|steps)"
    r"|(?:instructions|directions|steps)|(?:i |we )?need (?:some |your )?help) to\b",
    re.I,
)
_BEST = r"(?:(?:the )?(?:best|easiest|simplest|right|proper|correct|usual|recommended) )"
WAY = re.compile(
    r"\b(?=[iw])(?:"
    rf"what(?:'s|s| is| are| would be)? (?:the )?{_BEST}?"
    r"(?:ways?|methods?|procedures?|process|steps) (?:to|of|for)\b"
    r"|what (?:do|does|must|should|can|could) (?:i|we|you|one) (?:have to |need to )?do (?:in order )?to\b"
    r"|(?:what|which) steps (?:do|must|should|can) (?:i|we|you|one) (?:have to |need to )?(?:follow|take)"
    r" (?:in order )?to\b"
    r"|is there (?:a|any) (?:good |easy |simple )?way (?:to|of)\b)",
    re.I,
)
REASON = re.compile(
    r"\bwhat(?:'s|s| is| are| was) (?:the )?reasons? (?:that |why |for |behind |of )?(?!to\b)", re.I
)
PRICE = re.compile(
    r"\bhow much (?:is|are)\b(?![^?.]*\d)"
    r"|\bhow much (?:do|does|will|would|must|should) (?:i|you|one|we) (?:have to |need to )?pay for\b",
    re.I,
)


def _told(found: re.Match[str]) -> str:
    return "how to" if found[0].endswith("how to") else "explain"


_LOOKED = r"(?:best|right|ideal|good|proper|correct|recommended)"
TIME = re.compile(
    rf"(?:^|\b(?:what|when)(?:'s|s| is| are) )(?:the |a )?{_LOOKED} (?:time|moment|season)"
    r"(?: of (?:the )?(?:year|day))? (?:to|for)\b",
    re.I,
)
MEANT = re.compile(r"\bwhat(?:'s|s| is| are) meant by\b", re.I)
MIND = re.compile(
    r"\b(?:would|do) you mind (?:explaining|telling|showing|giving|describing|teaching)"
    r"(?: (?:me|us))?\b(?: how to)?",
    re.I,
)
WHAT_TO_DO = re.compile(
    r"\bwhat (?:should|can|could|must) (i|we|you|one) do(?= (?:if|when|about|against|with|after|for)\b|\W*$)",
    re.I,
)
GREETING = (
    r"^(?i:(?:hi|hello|hey|hiya|greetings|good|a|just|quick|simple|short|silly|dumb|stupid|excuse)\b"
    r"|(?:sorry|please|question)[,:])"
)
WHAT = r"(?i:\bwhat(?:'?s)?$|\bwhich$|^ there$)"
WAYS = r"(?i:^ (?:ways?|methods?|procedures?|process|steps|do)$)"
SAYS = (
    r"(?i:know|idea|sure|wonder|curious|understand|remember|\bget|out\b|about|learn|ask|tips?\b|advi|suggest"
    r"|thought|\bteach|guid|remind|instruct|tell|show|\b[mu][es]\b|direction|step|help|question)"
)
WANTED = r"^ (?i:how|what|why|when|where|who|whom|whose|which|if|whether)\b"
"""What stands behind who says that he asks."""

ASIDE = r"[.:?!\n](?:\s|$)"
CLAUSE = re.compile(r"[^.:?!\n]*[.:?!\n]\s+")


def _because(word: str) -> bool:
    return not BECAUSE.isdisjoint(plain(word).split())


def _clause(found: re.Match[str]) -> str:
    """Nothing, where it says why somebody asks."""
    return found[0] if BECAUSE.isdisjoint(plain(found[0][:-1]).split()) else ""


def _asked(found: re.Match[str]) -> str:
    helped = found[1] or found[2]
    return CUT.get(helped.lower(), helped)


def _apart(found: re.Match[str]) -> str:
    return f"{_asked(found)} not"


RULES: tuple[Rule, ...] = (
    ((GREETING,), HELLO, ""),
    (("hank|heers|thx|^ ty",), THANKS, ""),
    ((ASIDE, _because), CLAUSE, _clause),
    (
        (r"(?i:\b(?:ca|could|do|does|did|is|are|was|were|should|wo|would|have|has|had))nt\b",),
        HURRIED,
        r"\1n't",
    ),
    (("(?i:can|could|will|would)$", "^ (?i:you|u|(?:some|any)(?:one|body))$"), POLITE, " "),
    ((WANTED, SAYS), ASKING, ""),
    (("^ ?(?i:ca|could|do|does|did|is|are|was|were|should|wo|would)(?:n't|nnot)",), RHETORICAL, _asked),
    (("mind$",), MIND, _told),
    (("or$", "^ e"), re.compile(r"\bfor (?:each|every)\b", re.I), "per"),
    (("^ meant$",), MEANT, "meaning of"),
    ((WHAT, "^ [iI]$", "^ do"), WHAT_TO_DO, r"what do \1 do"),
    (("^ time$", rf"(?i:{_LOOKED})$"), TIME, "when to"),
    (("ocated",), re.compile(r" (?:is |are )?(?:located|situated)(?= ?(?:\?|$))", re.I), ""),
    (("ist$",), re.compile(r"^\W*(?:please )?list (?:all )?(?:of )?the\b", re.I), "what are the"),
    (("[Nn]on-",), re.compile(r"\b[Nn]on-"), "not "),
    (("or$", r"^ not\b"), re.compile(r"\bor not(?=\s*\??\s*$)"), ""),
    (("^ half",), re.compile(r"\b[Oo]ne and a half\b"), "1.5"),
    (("^ half",), re.compile(r"\b[Tt]wo and a half\b"), "2.5"),
    (("alf$", "^ of"), re.compile(r"\b[Hh]alf of\b"), "50% of"),
    (("'d$",), re.compile(r"\b(I|[Ww]e|i)'d (?=(?:like|love|prefer|rather|want|need)\b)"), r"\1 would "),
    (("^ exactly",), re.compile(r"\b([Hh]ow|[Ww]hat|[Ww]here|[Ww]hen|[Ww]ho|[Ww]hy) exactly\b"), r"\1"),
    (("ow$", "^ should"), re.compile(r"\b([Hh])ow should\b"), r"\1ow do"),
    ((WHAT, WAYS, "^ way|^ to"), WAY, "how to"),
    ((WHAT, "teps$", "^ for"), WAY, "how to"),
    (("(?i:instructions|directions|steps|help)$", "^ to"), HELP, "how to"),
    ((WHAT, "^ reasons?$"), REASON, "why "),
    (("ow$", "^ much$"), PRICE, "how much cost"),
    ((r"[^\W\d_]-[^\W\d_]",), re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])"), " "),
    (("n't|annot",), DENIED, _apart),
)

plainly = Rewriting((*slips.RULES, *arranging.RULES, *notation.RULES, *writing.RULES, *RULES))
"""In one notation, with negations as words of their own (those of `Can't I …?` deny nothing), and without
what people say around a question: greetings, thanks, why they ask."""
