"""Ways to say the facts of a digest: what the written profile is taught to sound like.

`{name}` stands for a fact of the digest; a template serves only where all of its facts are known. What is said of a change
follows the name of its topic: a small model that began with "They have newly tried" went on with what was not new. The word that
tells it comes first: after "is bought" the model guessed whether more or less often.
"""

REASONS: dict[str, list[str]] = {
    "habit": [
        "bought {times}, about every {days} days",
        "every {days} days or so, last on {last}",
        "{times} so far, the latest on {last}",
        "a steady buy, {spend} spent in all",
        "comes back every {days} days",
        "regular: {times}, {spend} in total",
        "in the basket every {days} days, {times} in all",
        "{spend} over {count} trips",
        "restocked about every {days} days",
        "a fixed part of the shopping, {times} by now",
        "last bought on {last}, usually every {days} days",
        "kept up: {times} and still bought on {last}",
        "part of {count} baskets, {spend} altogether",
    ],
    "rising": [
        "bought more often lately, {times} so far",
        "picking up: {times}, last on {last}",
        "rising, with {spend} spent and the last on {last}",
        "growing habit, now {times}",
        "more often of late, last on {last}",
        "on the rise after {count} baskets",
        "{times}, and rising",
        "climbing, {spend} spent so far",
        "gaining ground, the latest on {last}",
    ],
    "fading": [
        "was every {days} days, last on {last}",
        "fading: {times}, but none since {last}",
        "overdue, last bought on {last}",
        "{times} before, gone quiet since {last}",
        "cooling off after {count} baskets",
        "used to come every {days} days",
        "less often now, last on {last}",
        "{spend} spent, no longer bought since {last}",
    ],
    "new": [
        "new, last bought on {last}",
        "first tried lately, {times} so far",
        "a new buy for {spend}, on {last}",
        "just started: {times}, last on {last}",
        "newly in the basket since {last}",
        "new to the list, {spend} so far",
    ],
    "one_off": [
        "bought once, on {last}",
        "a single buy on {last} for {spend}",
        "one time only, {last}",
        "once so far, {spend}",
    ],
    "stated": [
        "said to like it",
        "likes it by their own word",
        "asked for it, and bought it {times}",
        "said so, and last bought it on {last}",
        "told the shop they like it",
        "stated, with {spend} spent on it",
    ],
}

TOP: list[str] = [
    "{A} and {b} come first.",
    "This household keeps buying {a} and {b}.",
    "{A} {is} the clearest habit, ahead of {b}.",
    "Most baskets turn on {a}, {b} and {c}.",
    "A regular for {a}, with {b} close behind.",
    "{A}, {b} and {c} lead the list.",
    "The core of the shopping is {a} and {b}.",
    "Expect {a} next, then {b}.",
    "Buys {a} most reliably, {count_a} times so far.",
    "{A} {was} bought {count_a} times, the last on {last_a}.",
    "Above all a buyer of {a} and {b}.",
    "Shops for {a} about every {days_a} days.",
    "{spend_a} has gone to {a} so far.",
    "Likely next: {a}, {b} and {c}.",
    "About every {days_a} days there {is} {a}, then {b}.",
]

RHYTHM: list[str] = [
    "A basket comes every {rhythm} days.",
    "They shop every {rhythm} days on average.",
    "Visits are {rhythm} days apart.",
    "The last trip, on {visit}, cost {paid}.",
    "On {visit} they took {products} products for {paid}.",
    "There is a basket about every {rhythm} days, the last on {visit}.",
    "The rhythm is one basket every {rhythm} days.",
    "Last seen on {visit}, spending {paid}.",
    "Usually {rhythm} days pass between baskets.",
]

FREQUENT: list[str] = [
    "A frequent visitor, with a basket every {rhythm} days.",
    "They come often, every {rhythm} days.",
]

RARE: list[str] = [
    "Visits are rare, {rhythm} days apart.",
    "They come seldom: gaps are longer than for {rhythm_rank}% of shoppers.",
]

DEALS: list[str] = [
    "Discounts matter: {deals}% of purchases were discounted.",
    "They look for deals, with {off}% off on average.",
    "A deal seeker, more so than {off_rank}% of shoppers.",
    "Price counts here, at {off}% off on average.",
]

FULL_PRICE: list[str] = [
    "Discounts matter little, only {off}% off on average.",
    "They often pay the full price, with {off}% off on average.",
    "Few deals: {deals}% of purchases were discounted.",
]

SOME_DEALS: list[str] = [
    "About {deals}% of purchases are discounted.",
    "They save {off}% on average.",
    "An average eye for discounts, {off}% off.",
]

CHANGE: dict[str, list[str]] = {
    "rising": [
        "{A} {is} rising.",
        "{A} {is} on the rise.",
        "{A} {is} picking up, last bought on {last_a}.",
    ],
    "fading": [
        "{A} {is} fading, last bought on {last_a}.",
        "{A} {has} gone quiet since {last_a}.",
        "{A} {has} not been bought since {last_a}, which looks like fading.",
    ],
    "new": [
        "{A} {is} new, since {last_a}.",
        "{A} {is} new on the list.",
        "{A} {was} newly tried, on {last_a}.",
        "{A} {is} a new find, bought on {last_a}.",
    ],
    "stated": ["They said they like {a}.", "By their own word they like {a}.", "They told the shop they like {a}."],
    "avoids": ["They said they avoid {a}.", "{A} should stay out, they avoid {it}.", "Asked to avoid {a}."],
}
