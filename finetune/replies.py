"""What the LLM is taught to answer after a tool: one or two short sentences that name refs and say only what the result says."""

import random
from functools import singledispatch

from agent.bus import Bus
from agent.rendering import percent
from agent.reply import listed
from behavior import InterestProfile
from behavior.interest import reviews, stars
from tools.audience_results import Audience, Match
from tools.insight_results import BrandInsight, CampaignReport, Segments
from tools.results import Bundles, Card, CartAnalysis, Explanation, PreferenceChange, Recommendations, Reviews, SimilarItems


@singledispatch
def reply(result: object, bus: Bus, rng: random.Random) -> str:
    """A reply to a result that was just put on `bus`. Raises TypeError for a type that no tool returns."""
    raise TypeError(f"no reply for {type(result).__name__!r}")


@reply.register
def _(result: Recommendations, bus: Bus, rng: random.Random) -> str:
    refs = _refs(result.cards, bus)
    if not refs:
        return rng.choice(
            [
                "Sorry, I found nothing that fits.",
                "Nothing in the shop fits that, could you say it in other words?",
                "I came up empty there. Maybe ask for something a little different?",
                "No match for that, I'm afraid.",
            ]
        )
    first = result.cards[0]
    forms = [
        f"How about {_or(refs[:3])}?",
        f"I'd go for {_or(refs[:2])}.",
        f"Try {_or(refs[:3])}.",
        f"Here are some ideas: {listed(refs)}.",
        f"My first pick is {refs[0]}, and {listed(refs[1:3]) or 'nothing else'} could suit you too."
        if refs[1:]
        else f"My pick is {refs[0]}.",
        f"{refs[0]} looks right for you.",
        f"You might like {_or(refs[:3])}.",
        f"{listed(refs[:2])} should do.",
    ]
    if first.price is not None:
        forms += [f"{refs[0]} at ${first.price:.2f} is a good start.", f"I'd take {refs[0]} for ${first.price:.2f}."]
    if first.reason.startswith("you buy it"):
        forms += [f"{refs[0]} is worth a thought: {first.reason}.", f"Perhaps {refs[0]} again, {first.reason}."]
    return rng.choice(forms)


@reply.register
def _(result: SimilarItems, bus: Bus, rng: random.Random) -> str:
    refs = _refs(result.cards, bus)
    anchor = next(ref for ref, card in bus.items.items() if card.item_id == result.anchor.item_id)
    if not refs:
        return rng.choice([f"I know of nothing like {anchor}.", f"Nothing comes close to {anchor} here."])
    return rng.choice(
        [
            f"Close to {anchor}: {listed(refs[:3])}.",
            f"Instead of {anchor} you could take {_or(refs[:2])}.",
            f"{_or(refs[:3])} would be much the same.",
            f"Like {anchor}, there is {listed(refs[:2])}.",
            f"The nearest to {anchor} is {refs[0]}.",
            f"Have a look at {_or(refs[:3])}.",
        ]
    )


@reply.register
def _(result: CartAnalysis, bus: Bus, rng: random.Random) -> str:
    refs = _refs(result.missing, bus)
    if not result.lines:
        return rng.choice(
            ["Your cart is empty so far.", "There is nothing in your cart yet.", "The cart is empty, add something first."]
        )
    total = f"${result.total:.2f}"
    if not refs:
        return rng.choice(
            [f"That comes to {total}, and nothing seems to be missing.", f"Nothing is missing, the total is {total}."]
        )
    return rng.choice(
        [
            f"That comes to {total}. Maybe add {_or(refs[:2])}?",
            f"People with a cart like this also take {_or(refs[:2])}.",
            f"You might be missing {_or(refs[:3])}.",
            f"The total is {total}, and {refs[0]} would go well with it.",
            f"{listed(refs[:2])} often go with that.",
            f"Did you think of {refs[0]}? The cart stands at {total}.",
        ]
    )


@reply.register
def _(result: InterestProfile, bus: Bus, rng: random.Random) -> str:
    likes = [(bus.put_topic(i.topic), i) for i in result.interests[:5] if i.polarity == "likes"]
    avoids = [bus.put_topic(i.topic) for i in result.interests[:5] if i.polarity == "avoids"]
    if not likes:
        if avoids:
            return rng.choice(
                [f"You told me to avoid {listed(avoids[:2])}.", f"{listed(avoids[:2])}: you asked for none of that."]
            )
        return rng.choice(
            ["I know nothing about that yet.", "There is nothing about that in your profile.", "Nothing is on record there."]
        )
    first, interest = likes[0]
    refs = [ref for ref, _ in likes]
    forms = [
        f"You seem to like {listed(refs[:3])}.",
        f"Your strongest interest is {first}, at {percent(interest.strength)}.",
        f"From what you did here, it's {listed(refs[:3])}.",
        f"The shop believes that you care about {listed(refs[:3])}.",
        f"{first} comes first: {interest.reason}.",
        f"I have {listed(refs[:2])} on top, {first} with {percent(interest.strength)}.",
    ]
    if avoids:
        forms.append(f"You like {listed(refs[:2])}, and you avoid {listed(avoids[:2])}.")
    return rng.choice(forms)


@reply.register
def _(result: PreferenceChange, bus: Bus, rng: random.Random) -> str:
    ref = bus.put_topic(result.topic)
    if result.likes:
        return rng.choice(
            [
                f"Noted, you like {ref}.",
                f"Good to know, I'll keep {ref} in mind.",
                f"Got it, more {ref} for you.",
                f"Thanks, {ref} is on your profile now.",
                f"I've put {ref} down as something you like, now at {percent(result.after)}.",
            ]
        )
    return rng.choice(
        [
            f"Noted, I'll leave out {ref}.",
            f"Understood, no {ref} from now on.",
            f"Got it, I won't suggest {ref} again.",
            f"Thanks for telling me, {ref} is off your list.",
            f"All right, {ref} is marked as something you avoid.",
        ]
    )


@reply.register
def _(result: Explanation, bus: Bus, rng: random.Random) -> str:
    (ref,) = _refs([result.card], bus)
    if not result.parts:
        return rng.choice([f"Nothing in your history speaks for {ref}.", f"I have no reason on record for {ref}."])
    first = result.parts[0]
    forms = [
        f"I thought of {ref} because {first.text}." if first.text.startswith("you ") else f"{ref} is {first.text}.",
        f"{ref}: {first.text}.",
        f"Mostly this: {first.text}.",
    ]
    if len(result.parts) > 1:
        forms.append(f"{ref}: {first.text}, which counts {percent(first.weight)}.")
    return rng.choice(forms)


@reply.register
def _(result: Reviews, bus: Bus, rng: random.Random) -> str:
    ref = bus.mention(result.item_id) or bus.put_topic(result.about)
    if not result.quotes:
        return rng.choice(
            [
                f"Nobody has reviewed {ref} yet.",
                f"There are no reviews of {ref} so far.",
                f"I have no buyers' words on {ref}.",
                f"No one wrote about {ref} yet.",
            ]
        )
    newest, count = result.quotes[0], reviews(result.reviews)
    forms = [f"{ref} has {count}.", f'A buyer wrote of {ref}: "{newest.text}"', f'{ref} has {count}, one says "{newest.text}"']
    if result.mean_stars is not None:
        mean = stars(result.mean_stars)
        forms += [f"{ref} has {mean} on average, in {count}.", f"Buyers give {ref} {mean} on average."]
    for sentiment in ("positive", "negative"):
        if of_them := result.sentiments.get(sentiment):
            forms.append(f"Of {count} of {ref} {of_them} {'is' if of_them == 1 else 'are'} {sentiment}.")
    return rng.choice(forms)


@reply.register
def _(result: Audience, bus: Bus, rng: random.Random) -> str:
    ref = bus.put_topic(result.topic)
    if not result.members:
        return rng.choice(
            [
                f"Fewer than 10 users fit {ref}, too few to describe.",
                f"That audience for {ref} is too small to show.",
                f"Too few users fit {ref}, loosen a condition.",
            ]
        )
    users = [bus.put_user(m.user_id, m.pseudonym) for m in result.members[:3]]
    best = percent(result.members[0].strength)
    return rng.choice(
        [
            f"{result.size} of {result.population} users fit {ref}.",
            f"The audience for {ref} has {result.size} users, {users[0]} is the strongest at {best}.",
            f"{result.size} users are at or above {percent(result.min_strength)} on {ref}.",
            f"I count {result.size} users on {ref}, led by {listed(users)}.",
            f"You could address {result.size} users with {ref}.",
        ]
    )


@reply.register
def _(result: Match, bus: Bus, rng: random.Random) -> str:
    user, topic = bus.put_user(result.user_id, result.pseudonym), bus.put_topic(result.topic)
    if result.interest is None:
        return rng.choice([f"{user} has no events on {topic}, so there is no match.", f"No, nothing links {user} to {topic}."])
    why, strength, needs = result.interest.reason, percent(result.interest.strength), percent(result.threshold)
    if result.matches:
        return rng.choice(
            [
                f"{user} matches {topic} at {strength}: {why}.",
                f"Yes, {user} is in: {why}.",
                f"{user} reaches {strength} on {topic}, the audience needs {needs}.",
                f"The evidence for {user} on {topic}: {why}.",
            ]
        )
    return rng.choice(
        [
            f"{user} does not match {topic}: {strength} where {needs} is needed.",
            f"No, {user} stands at {strength} on {topic}: {why}.",
            f"{user} is outside, {why}.",
        ]
    )


@reply.register
def _(result: Segments, bus: Bus, rng: random.Random) -> str:
    shown = result.segments[:8]
    if not shown:
        return rng.choice(["There is no such segment.", "I know of no segment like that."])
    first = shown[0]
    topics = [bus.put_topic(topic) for topic in first.topics[:2]]
    return rng.choice(
        [
            f"The largest is {first.name} with {first.size} users.",
            f"{first.name} has {first.size} users, they like {listed(topics) or 'a bit of everything'}.",
            f"{len(shown)} segments fit, {first.name} leads with {first.size} users."
            if len(shown) > 1
            else f"{first.name}, {first.size} users.",
        ]
    )


@reply.register
def _(result: BrandInsight, bus: Bus, rng: random.Random) -> str:
    topics = [bus.put_topic(topic) for topic in result.topics[:3]]
    share = percent(result.share_of_spend)
    return rng.choice(
        [
            f"{result.brand} has {result.buyers} buyers and {share} of spend.",
            f"{result.buyers} of {result.population} users bought {result.brand}, most in {listed(topics[:2]) or 'no topic'}.",
            f"{result.brand} takes {share} of spend, strongest in {listed(topics[:2]) or 'no topic'}.",
        ]
    )


@reply.register
def _(result: CampaignReport, bus: Bus, rng: random.Random) -> str:
    if not result.redeemers:
        return rng.choice(
            ["Too few users redeemed to say more.", f"It reached {result.reached} users, too few redeemed to describe."]
        )
    rate = percent(result.redemption_rate)
    return rng.choice(
        [
            f"It reached {result.reached} users, {result.redeemers} of them redeemed.",
            f"{result.redeemers} users redeemed {result.redemptions} coupons, a rate of {rate}.",
            f"The redemption rate is {rate}: {result.redeemers} of {result.reached}.",
        ]
    )


@reply.register
def _(result: Bundles, bus: Bus, rng: random.Random) -> str:
    if not result.bundles:
        return rng.choice(["I found no pair that sells together often enough.", "Nothing sells together often enough there."])
    first = result.bundles[0]
    pair = " and ".join(bus.put_topic(topic) for topic in first.topics)
    return rng.choice(
        [
            f"The strongest pair is {pair}, lift {first.lift:.1f}.",
            f"{pair} go together in {first.baskets} baskets.",
            f"Bundle {pair}: lift {first.lift:.1f} over {first.baskets} baskets.",
        ]
    )


def _refs(cards: list[Card], bus: Bus) -> list[str]:
    """Refs of the cards that the LLM was shown."""
    known = {card.item_id: ref for ref, card in bus.items.items()}
    return [known[card.item_id] for card in cards[:5]]


def _or(refs: list[str]) -> str:
    return listed(refs).replace(" and ", " or ")
