"""What people say around a question: politeness, that they do not know, why they ask. Without it, the same
question is the same.

Known weakness: only English frames are known; and who means what is a frame elsewhere is not heard.
"""

from __future__ import annotations

import re

from headgate.core.semantic.lexicon.table import BECAUSE, plain
from headgate.core.semantic.writing import Rule, evenly, rewritten

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
    r"^\W*(?:(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening|day))"
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

GREETS = frozenset({"hi", "he", "gr", "go", "ju", "a ", "qu", "si", "sh", "du", "st", "so", "ex", "pl"})
"""What that begins with."""

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
ASKED = re.compile(r" (?:how|wh(?:at|y|en|ere|om?|ose|ich|ether)|if)\b", re.I)
"""Where none of these stands inside a text, nobody says there that he asks. (Sooner found than `ASKING`.)"""
ASKING = re.compile(
    rf"\b(?=[adgijnqrstw])(?:(?:do|does) {_WHO} (?:happen to )?know"
    rf"|(?:i|we)(?:'m|m| am)? ?{_UNSURE}"
    r"|not sure|no idea|just (?:curious|wondering)|any (?:idea|tips?|advice|suggestions?|thoughts)"
    r"|(?:advise|teach|guide|remind|instruct|tell|show)(?: (?:me|us))?"
    r"|(?:give|send|show) (?:me|us) (?:(?:some |the )?(?:instructions|directions|guidance|steps|advice|tips))"
    r"|(?:instructions|directions|guidance|tips|advice)"
    r"|(?:i |we )?need (?:some |your )?help|quick question)"
    r"(?: on| about| as to| for| with)?[:,;.-]* "
    r"(?=(?:how|what|why|when|where|who|whom|whose|which|if|whether)\b)",
    re.I,
)
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
REWRITTEN: tuple[Rule, ...] = (
    ("mind ", MIND, _told),
    ("or e", re.compile(r"\bfor (?:each|every)\b", re.I), "per"),
    ("meant", MEANT, "meaning of"),
    (" I do", WHAT_TO_DO, r"what do \1 do"),
    (" i do", WHAT_TO_DO, r"what do \1 do"),
    (" time ", TIME, "when to"),
    ("ocated", re.compile(r" (?:is |are )?(?:located|situated)(?= ?(?:\?|$))", re.I), ""),
    ("ist ", re.compile(r"^\W*(?:please )?list (?:all )?(?:of )?the\b", re.I), "what are the"),
    ("-", re.compile(r"\b[Nn]on-"), "not "),
    (" not", re.compile(r"\bor not(?=\s*\??\s*$)"), ""),
    (" and a half", re.compile(r"\b[Oo]ne and a half\b"), "1.5"),
    (" and a half", re.compile(r"\b[Tt]wo and a half\b"), "2.5"),
    ("alf of", re.compile(r"\b[Hh]alf of\b"), "50% of"),
    ("'d ", re.compile(r"\b(I|[Ww]e|i)'d (?=(?:like|love|prefer|rather|want|need)\b)"), r"\1 would "),
    (" exactly", re.compile(r"\b([Hh]ow|[Ww]hat|[Ww]here|[Ww]hen|[Ww]ho|[Ww]hy) exactly\b"), r"\1"),
    ("ow should", re.compile(r"\b([Hh])ow should\b"), r"\1ow do"),
    (" way", WAY, "how to"),
    (" to", WAY, "how to"),
    ("teps for", WAY, "how to"),
    (" to", HELP, "how to"),
    ("reason", REASON, "why "),
    ("ow much", PRICE, "how much cost"),
    ("-", re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])"), " "),
)

ASIDE = re.compile(r"[.:?!\n]\s")
CLAUSE = re.compile(r"[^.:?!\n]*[.:?!\n]\s+")


def plainly(text: str) -> str:
    """With negations as words of their own (those of `Can't I …?` deny nothing), and without the clause that
    says why somebody asks."""
    text = _asking(evenly(text))
    if "nt" in text:
        text = HURRIED.sub(r"\1n't", text)
    text = POLITE.sub(" ", text)
    if ASKED.search(text):
        text = ASKING.sub("", text)
    if "n't" in text or "nnot" in text:
        text = RHETORICAL.sub(_asked, text)
    text = rewritten(text, REWRITTEN)
    if "n't" in text or "annot" in text:
        text = DENIED.sub(_apart, text)
    return text


def _asking(text: str) -> str:
    """Without greetings, thanks and why somebody asks."""
    if text[:2].lower() in GREETS:
        text = HELLO.sub("", text)
    if "hank" in text or "heers" in text or "thx" in text or " ty" in text:
        text = THANKS.sub("", text)
    if ASIDE.search(text):
        text = CLAUSE.sub(lambda found: "" if BECAUSE & set(plain(found[0][:-1]).split()) else found[0], text)
    return text


def _asked(found: re.Match[str]) -> str:
    helped = found[1] or found[2]
    return CUT.get(helped.lower(), helped)


def _apart(found: re.Match[str]) -> str:
    helped = found[1] or found[2]
    return f"{CUT.get(helped.lower(), helped)} not"
