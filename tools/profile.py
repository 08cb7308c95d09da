"""What the shop believes about a user, and how the user corrects it."""

from uuid import uuid4

from behavior import Event, InterestProfile
from tools.results import PreferenceChange
from tools.shop import Shop


def show_profile(shop: Shop, user_id: str, topic: str | None = None, with_drivers: bool = True) -> InterestProfile:
    """The numeric profile, or the part of it that lies under `topic`. Raises UnknownUser, UnknownTopic."""
    if topic is None:
        return shop.profile(user_id, with_drivers=with_drivers)
    name = shop.topic(topic)
    node = shop.catalog.topic(name)
    profile = shop.profile(user_id, 10_000, with_drivers)
    inside = [i for i in profile.interests if i.topic == name or (node and i.path[: len(node.path)] == node.path)]
    return profile.model_copy(update={"interests": inside[:24]})


def set_preference(shop: Shop, user_id: str, topic: str, likes: bool) -> PreferenceChange:
    """Note that the user likes or avoids a topic: an event in the log, which the profile and every list follow at once.

    Raises UnknownUser, UnknownTopic; then nothing was written.
    """
    name = shop.topic(topic)
    before = _strength(shop, user_id, name)
    event = Event(
        event_id=f"said-{uuid4().hex}",
        user_id=user_id,
        type="like" if likes else "dislike",
        ts=shop.now(),
        attributes={"topic": name},
    )
    shop.record([event])
    return PreferenceChange(topic=name, likes=likes, before=before, after=_strength(shop, user_id, name), event_id=event.event_id)


def _strength(shop: Shop, user_id: str, topic: str) -> float:
    interest = shop.interest(user_id, topic, with_drivers=False)
    return interest.strength if interest else 0.0
