"""Numbers that prove themselves: cards, bank accounts, personal identity numbers, addresses."""

from datetime import date
from ipaddress import ip_address

HETU_SIGNS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
HETU_CENTURIES = {"+": 1800, **dict.fromkeys("-YXWVU", 1900), **dict.fromkeys("ABCDEF", 2000)}
IBAN_LENGTHS = {
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22,
    "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15,
    "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip
"""Characters of an IBAN by country, from the registry of ISO 13616."""


def is_luhn(digits: str) -> bool:
    """Tell whether digits end with their check digit after Luhn (ISO/IEC 7812-1)."""
    doubled = [int(d) * (1 + at % 2) for at, d in enumerate(reversed(digits))]
    return sum(n - 9 * (n > 9) for n in doubled) % 10 == 0


def is_card(text: str) -> bool:
    """Tell whether a text is the number of a payment card: 13 to 19 digits, first digit 2 to 6."""
    digits = digits_of(text)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and is_luhn(digits)


def is_iban(text: str) -> bool:
    """Tell whether a text is an IBAN: its country's length, and 1 modulo 97 (ISO 7064)."""
    flat = text.replace(" ", "").upper()
    right = IBAN_LENGTHS.get(flat[:2]) == len(flat)
    return right and int("".join(str(int(c, 36)) for c in flat[4:] + flat[:4])) % 97 == 1


def is_ip(text: str) -> bool:
    """Tell whether a text is an IP address that can be somebody's."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def is_hetu(text: str) -> bool:
    """Tell whether a text is a Finnish personal identity code: date, and modulo 31."""
    day, century, rest = text[:6], HETU_CENTURIES.get(text[6]), text[7:10]
    right = HETU_SIGNS[int(day + rest) % 31] == text[10]
    return right and century is not None and _is_date(century + int(day[4:]), day[2:4], day[:2])


def is_estonian(text: str) -> bool:
    """Tell whether 11 digits are an Estonian personal code: date, and modulo 11 in two rounds."""
    digits = [int(d) for d in text]
    check = _modulo_11(digits, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1))
    check = _modulo_11(digits, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 10 if check == 10 else check
    century = 1800 + 100 * ((digits[0] - 1) // 2)
    right = 1 <= digits[0] <= 8 and check == digits[10]
    return right and _is_date(century + int(text[1:3]), text[3:5], text[5:7])


def is_swedish(text: str) -> bool:
    """Tell whether a text is a Swedish personal number: date, and Luhn over its ten digits."""
    digits = digits_of(text)[-10:]
    day = int(digits[4:6])
    day -= 60 * (day > 60)  # a coordination number
    years = (1900 + int(digits[:2]), 2000 + int(digits[:2]))
    return is_luhn(digits) and any(_is_date(year, digits[2:4], day) for year in years)


def is_slovenian(text: str) -> bool:
    """Tell whether 13 digits are an EMŠO of Slovenia and its neighbours: date, and modulo 11."""
    digits = [int(d) for d in text]
    check = -_modulo_11(digits, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    year = (1000 if text[4] in "89" else 2000) + int(text[4:7])
    return check == digits[12] and _is_date(year, text[2:4], text[:2])


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(c for c in text if c in "0123456789")


def _modulo_11(digits: list[int], weights: tuple[int, ...]) -> int:
    return sum(d * w for d, w in zip(digits, weights, strict=False)) % 11


def _is_date(year: int, month: str, day: str | int) -> bool:
    try:
        return date(year, int(month), int(day)) <= date.today()
    except ValueError:
        return False
