"""Where content may be consumed: ISO 3166 codes as locators (TS 26.512 7.6.3, `geoFencing`).

A country is its alpha-2 code (`DE`), a part of it an ISO 3166-2 code (`DE-BY`). A country contains
its parts. That a code is assigned is not checked: the standard's tables change.
"""

import re

ISO_3166 = "urn:3gpp:5gms:locator-type:iso3166"
_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


def locator_fault(locator: str) -> str | None:
    """Why a text is no ISO 3166 locator; None for one that is.

    >>> locator_fault("DE-BY")
    >>> locator_fault("Bavaria")
    'must be an ISO 3166-1 alpha-2 code or an ISO 3166-2 code'
    """
    if _CODE.fullmatch(locator):
        return None
    return "must be an ISO 3166-1 alpha-2 code or an ISO 3166-2 code"


def contains(locator: str, place: str) -> bool:
    """Whether `place`, as exactly as it is known, lies within a locator.

    >>> contains("DE", "DE-BY"), contains("DE-BY", "DE")
    (True, False)
    """
    return place == locator or place.startswith(f"{locator}-")
