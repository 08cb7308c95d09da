"""What could be recommended and why: by the learned ranking, or by fixed shares in a small shop, and by what was said."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tools.fused import fused
from tools.past import Past
from tools.reasons import HABIT, WORDS, Candidates, Reason, popularity
from tools.results import ExplanationPart
from tools.shares import shares
from tools.shop import Shop

MOST_POPULAR = 200


def candidates(
    shop: Shop,
    user_id: str,
    past: Past,
    topics: Sequence[tuple[str, float]],
    allowed: NDArray[np.bool_],
    also: Sequence[str] = (),
) -> Candidates:
    """Candidates for a user with this past, those of `topics` (with how well each fits the words said) where there are any.

    `allowed` is a mask over `shop.shelf`, looked at before a source takes its best; other items can be among the candidates too,
    those in `also` where the ranking knows them. Raises UnknownUser.
    """
    fitting, views = fits(shop, topics), shop.views
    if views.likely:  # the one place that decides: a shop too small to learn from is ranked by fixed shares
        found = fused(shop, views.likely, past, allowed & (fitting > 0) if topics else allowed, also)
    else:
        assert views.alike is not None
        found = shares(shop, views.alike, shop.timeline(user_id), past, allowed)
    if topics:
        return _said(shop, fitting, found)
    return found if allowed[found.codes].any() or len(also) else _popular(shop, allowed)


def fits(shop: Shop, topics: Sequence[tuple[str, float]]) -> NDArray[np.float64]:
    """How well each item of the shelf fits the words said, 0 where it does not."""
    found = np.zeros(len(shop.shelf.item_ids))
    for topic, score in topics:
        found[shop.shelf.topic(topic).passes] += score
    return found


def _said(shop: Shop, fitting: NDArray[np.float64], found: Candidates) -> Candidates:
    """Bought items of the topics that the words mean, on top of what speaks for them already."""
    behind = np.zeros(len(fitting))
    behind[found.codes] = found.scores
    codes = np.flatnonzero((fitting > 0) & ((shop.in_baskets > 0) | (behind > 0)))
    words = fitting + shop.in_baskets / max(shop.views.cooccurrence.n_baskets, 1)

    def explain(item_ids: Sequence[str]) -> list[Reason]:
        reasons = []
        for item_id, reason in zip(item_ids, found.explain(item_ids), strict=True):
            code = shop.shelf.code_of[item_id]
            text, weight = f"fits your words, in {shop.in_baskets[code]} baskets", float(words[code])
            said = ExplanationPart(source=WORDS, text=text, weight=weight)
            parts = sorted([*reason.parts, said], key=lambda part: (part.source != HABIT, -part.weight))
            reasons.append(Reason(parts, reason.contributions))
        return reasons

    return Candidates(codes, (words + behind)[codes], explain)


def _popular(shop: Shop, allowed: NDArray[np.bool_]) -> Candidates:
    """Where nothing else speaks for anything allowed: what is in most baskets."""
    codes = np.flatnonzero(allowed & (shop.in_baskets > 0))
    codes = codes[np.lexsort((codes, -shop.in_baskets[codes]))[:MOST_POPULAR]]
    scores = shop.in_baskets[codes] / max(shop.views.cooccurrence.n_baskets, 1)
    weight_of = dict(zip((shop.shelf.item_ids[code] for code in codes), scores.tolist(), strict=True))

    def explain(item_ids: Sequence[str]) -> list[Reason]:
        return [Reason([popularity(shop, item_id, weight_of[item_id])]) for item_id in item_ids]

    return Candidates(codes, scores, explain)
