"""From words to a first draft of an audience: topics by search, shown with their alternatives, so that merchants can correct.

Understood: phrases joined by "and", "or", commas, and those after "but not" or "without", in English. Numbers, traits, times
and segments are not: the draft asks for an interest of the usual strength in each topic.
"""

import re

from tools.audience import usual_bound
from tools.audience_results import AudienceDraft, TopicChoice, TopicScore
from tools.clauses import MAX_CLAUSES, And, Clause, InterestClause, Not, Or
from tools.errors import ToolError, UnknownTopic
from tools.shop import SURE, Shop

ALTERNATIVES = 5
LONGEST = 500

_OR = re.compile(r"\s+or\s+", re.IGNORECASE)
_AND = re.compile(r"\s*(?:[,;&+]|\band\b|(?=\b(?:but not|without|except)\b)|(?<!but )(?=\bnot\b))\s*", re.IGNORECASE)
_NOT = re.compile(r"(?:but not|without|except|not)\b", re.IGNORECASE)


def audience_from_words(shop: Shop, text: str) -> AudienceDraft:
    """A clause per phrase that means a topic, and for each phrase the topic chosen beside the next nearest, with scores.

    A phrase that means none is a choice without a topic and takes no part. Raises UnknownTopic when none of them means one,
    ToolError for no words or more than 500 characters.
    """
    if not text.strip() or len(text) > LONGEST:
        raise ToolError(f"an audience takes 1 to {LONGEST} characters to describe, got {len(text)}: {text[:40]!r}")
    choices, groups = [], []
    for group in [text] if shop.catalog.topic(text) else _OR.split(text):
        clauses: list[Clause] = []
        for phrase in [group] if shop.catalog.topic(group) else filter(None, _AND.split(group)):
            choice = _choice(shop, phrase.strip())
            choices.append(choice)
            if choice.topic:
                interest = InterestClause(topic=choice.topic, at_least=usual_bound(shop, choice.topic))
                clauses.append(Not(clause=interest) if choice.negated else interest)
        groups += [clauses] if clauses else []
    if not groups:
        raise UnknownTopic(text, [near.topic for choice in choices for near in choice.alternatives][:3])
    if len(choices) > MAX_CLAUSES // 4:
        raise ToolError(f"{len(choices)} topics are more than the {MAX_CLAUSES // 4} that words can ask for")
    either: list[Clause] = [clauses[0] if len(clauses) == 1 else And(clauses=clauses) for clauses in groups]
    return AudienceDraft(clause=either[0] if len(either) == 1 else Or(clauses=either), choices=choices)


def _choice(shop: Shop, phrase: str) -> TopicChoice:
    """The topic that a phrase names or is surely about; a name counts 1."""
    negated = _NOT.match(phrase)
    words = phrase[negated.end() :].strip() if negated else phrase
    found = shop.topics.search(words, ALTERNATIVES + 1)
    name = _named(shop, words)
    ranked = [(name, 1.0), *(hit for hit in found if hit[0] != name)] if name else found
    chosen = ranked[0] if ranked and ranked[0][1] >= SURE else None
    others = [TopicScore(topic=topic, score=score) for topic, score in (ranked[1:] if chosen else ranked)][:ALTERNATIVES]
    return TopicChoice(
        words=words,
        negated=bool(negated),
        topic=chosen[0] if chosen else None,
        score=chosen[1] if chosen else 0.0,
        alternatives=others,
    )


def _named(shop: Shop, words: str) -> str | None:
    """The topic of just this name, else the one that the words are another name of."""
    topic = shop.catalog.topic(words)
    return topic.name if topic else shop.topics.named(words)
