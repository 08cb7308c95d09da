"""A shop small enough to check by hand: 14 items in 3 departments, 12 users with plain habits, the last event on 30 June 2025."""

from datetime import UTC, datetime, timedelta

from behavior.schema import Event, Item

END = datetime(2025, 6, 30, 12, tzinfo=UTC)

ITEMS = [
    Item(item_id=item_id, title=title, path=tuple(path.split(" > ")), brand=brand, price=price)
    for item_id, title, path, brand, price in [
        ("milk", "Whole milk, 1 l", "Food > Dairy > Milk", "Alm", 1.20),
        ("oat", "Oat milk, 1 l", "Food > Dairy > Plant milk", "Oaty", 2.40),
        ("yogurt", "Plain yogurt, 500 g", "Food > Dairy > Yogurt", "Alm", 1.80),
        ("bread", "Wheat bread", "Food > Bakery > Bread", "Kern", 2.10),
        ("bagel", "Bagels, 4 pack", "Food > Bakery > Bagels", "Kern", 2.60),
        ("coffee", "Ground coffee, 250 g", "Food > Coffee and tea > Coffee", "Bona", 4.90),
        ("tea", "Green tea, 20 bags", "Food > Coffee and tea > Tea", "Bona", 2.90),
        ("chips", "Potato chips, 150 g", "Food > Snacks > Chips", "Crack", 1.90),
        ("dogfood", "Dog food, 2 kg", "Pets > Dog > Dog food", "Wuff", 9.90),
        ("dogtreat", "Dog treats, 200 g", "Pets > Dog > Dog treats", "Wuff", 3.50),
        ("catfood", "Cat food, 1 kg", "Pets > Cat > Cat food", "Mau", 6.90),
        ("diapers", "Diapers, 40 pieces", "Baby > Diapering > Diapers", "Soft", 12.50),
        ("wipes", "Baby wipes, 3 packs", "Baby > Diapering > Wipes", "Soft", 4.20),
        ("puree", "Carrot puree, 190 g", "Baby > Baby food > Puree", "Soft", 1.10),
    ]
]

# user: (what a basket holds, days between baskets)
HABITS = {
    "dora": (["dogfood", "dogtreat", "milk", "bread"], 7),
    "ben": (["diapers", "wipes", "puree", "milk"], 7),
    "carl": (["coffee", "bread", "milk"], 5),
    "tea-lover": (["tea", "oat", "bagel"], 10),
    "cat": (["catfood", "milk", "bread"], 14),
    **{f"u{n}": (["milk", "bread", "coffee"] if n % 2 else ["diapers", "wipes"], 9 + n) for n in range(1, 8)},
}


def events() -> list[Event]:
    """The whole log of the tiny shop: half a year of baskets, each event with a price and a session."""
    prices = {item.item_id: item.price for item in ITEMS}
    log = []
    for user, (basket, days) in HABITS.items():
        for n in range(180 // days):
            ts = END - timedelta(days=days * n)
            log += [
                Event(
                    event_id=f"{user}-{n}-{item}",
                    user_id=user,
                    type="purchase",
                    item_id=item,
                    ts=ts,
                    price=prices[item],
                    session_id=f"{user}-{n}",
                )
                for item in basket
            ]
    return sorted(log, key=lambda event: (event.ts, event.event_id))
