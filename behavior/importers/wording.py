"""Words for the till's abbreviations: "FRZN SS PREMIUM ENTREES/DNRS/T" becomes "Frozen single serve premium entrees/dinners"."""

import re

WORDS = {
    "ADDTVS": "additives", "ALCHL": "alcohol", "ANTFRZ": "antifreeze", "APPL": "apple", "ASST": "assorted", "BATH TISSUES": "toilet paper",
    "BEERALEMALT": "beer, ale, malt", "BEV": "beverages", "BKD": "baked", "BN": "beans", "BNLS": "boneless", "BR": "bread", "BRD": "bread",
    "BRKFST": "breakfast", "BTL": "bottle", "BTLS": "bottles", "CAN CAR": "cans", "CANDY - CHECKLANE": "checkout candy", "CARB": "carbonated",
    "CARBONATED/FLVRD": "carbonated and flavored", "CAT FOOD (9 LIVES/FRISK": "cat food", "CHED": "cheddar", "CHIX": "chicken", "CHICK": "chicken",
    "CHOC": "chocolate", "CKIES": "cookies", "CNDY": "candy", "CONC": "concentrated", "CONVNIENT": "convenient", "CRMD": "creamed",
    "CRKRS": "crackers", "CRM": "cream", "DECOR": "decor", "DETRGNT": "detergent", "DISP": "disposable", "DNR": "dinner", "DNRS": "dinners",
    "DRESSNG": "dressing", "DRNK": "drink", "DRNKING": "drinking", "DRNKS": "drinks", "DRSNG": "dressing", "ECON": "economy", "ENTREES/DNRS": "entrees",
    "EXCL": "excluding", "FLVR": "flavor", "FLVRD": "flavored", "FRGRNC": "fragrance", "FROZN": "frozen", "FRT": "fruit", "FRZN": "frozen", "FS": "",
    "GRND": "ground", "HH": "household", "HISPANIC": "hispanic food", "HLDY": "holiday", "HSEWARES": "housewares", "HOMESTYLE ET": "homestyle",
    "ICE CREAM/MILK/SHERBTS": "ice cream and sherbet", "IWS": "individually wrapped", "JCE": "juice", "LAUNDRY": "laundry", "LIQ": "liquid",
    "MAY": "mayonnaise", "MEAT-PCKGD": "packaged meat", "MISC": "miscellaneous", "MLK": "milk", "MLT-PK": "multi-pack", "MNERAL": "mineral",
    "MULTIGRAIN BR": "multigrain bread", "MXS": "mixes", "NON-CARB": "still", "NON-CRBNTD": "still", "NS": "", "OZ": "oz", "PCKG": "packaged", "PK": "pack",
    "PKG": "package", "PKGD": "packaged", "PORTBL": "portable", "PREM": "premium", "PROD": "products", "PRODS": "products", "PWDR": "powder",
    "REFRGERATD": "refrigerated", "REFRGRATD": "refrigerated", "REFRIG": "refrigerated", "REFRIGRATD": "refrigerated", "RTE": "ready to eat",
    "RTS": "ready to serve", "SALD": "salad", "SGL": "single", "SNDWCH": "sandwich", "SNGL": "single", "SFT": "soft", "SHLF": "shelf", "SPRD": "spread",
    "SRV": "serve", "SS": "single serve", "STABL": "stable", "SV": "serve", "SW GDS": "sweet goods", "TATERS": "potatoes", "TOILET TISSUE": "toilet paper",
    "UNLEADED": "unleaded", "VEG": "vegetables", "VEGS": "vegetables", "VEND": "vending", "W/": "with ", "WHLSM": "wholesome", "WHT": "white", "YOGRT": "yogurt", "YOGURT NOT MULTI-PACKS": "yogurt", "FLUID MILK WHITE ONLY": "white milk", "FLUID MILK PRODUCTS": "milk", "SANDWICHES&HANDHELDS": "sandwiches",
    "SOFT DRINKS 12/18&15PK CAN CAR": "soft drinks, cans",
    "SAUCESSALSAPICANTEE": "sauces, salsa, picante", "BATTR": "batter", "SYRP": "syrup", "PNT": "peanut", "BTR": "butter", "TOPNGS": "toppings",
}  # fmt: skip
_KNOWN = re.compile(r"(?<![A-Z])(" + "|".join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True)) + r")(?![A-Z])")
_CUT_OFF = re.compile(r"(\s*\([^)]*|\s*/[A-Z]{0,2}|\s*-\s*[A-Z]?|\s+(?:ET|O|ALL|INCL|EX))$")
_NOTE = re.compile(r"\((?:BULK&BAG|SINGLES|EXCP|INCLUDING|[^)]*)\)?")


def readable(name: str) -> str:
    """A department, category or type as people write it, in sentence case; the till cuts names at 30 characters."""
    text = name.strip()
    if text not in WORDS:
        text = _NOTE.sub("", text)
        if len(name) >= 29:
            text = _CUT_OFF.sub("", text)
    text = _KNOWN.sub(lambda match: WORDS[match[1]], text).lower()
    text = re.sub(r"\s*:\s*", ", ", text)
    text = re.sub(r"\s*/\s*", "/", text)
    text = re.sub(r"\s{2,}", " ", text).strip(" -/,&")
    return text[:1].upper() + text[1:]
