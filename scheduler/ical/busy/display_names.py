"""Names of zones as Outlook and Windows show them, in several languages, by the zone whose rules they mean."""

from __future__ import annotations

_NAMES = {
    "Europe/Berlin": """Mitteleuropäische Zeit|Mitteleuropäische Standardzeit|Mitteleuropäische Normalzeit|MEZ
        Heure d'Europe centrale|Hora de Europa central|Hora estándar de Europa central|Ora dell'Europa centrale
        Midden-Europese tijd|West-Europa (standaardtijd)|Hora da Europa Central|Centraleuropeisk tid
        Centraleuropæisk tid|sentraleuropeisk tid|Keski-Euroopan aika|czas środkowoeuropejski|středoevropský čas
        Central European Time|W. Europe""",
    "Europe/Paris": "Romance|Heure normale d'Europe centrale",
    "Europe/London": """GMT Standardzeit|Westeuropäische Zeit|Heure d'Europe de l'Ouest|Hora de Europa occidental
        Ora dell'Europa occidentale|Hora da Europa Ocidental|West-Europese tijd""",
    "Europe/Athens": """Osteuropäische Zeit|Heure d'Europe de l'Est|Hora de Europa oriental
        Ora dell'Europa orientale|Hora da Europa Oriental|Oost-Europese tijd|Itä-Euroopan aika|Eastern European Time""",
    "Europe/Moscow": "Moskauer Zeit|Московское время|Heure de Moscou",
    "America/New_York": """Eastern Time (US & Canada)|Eastern Time|Nordamerikanische Ostküstenzeit
        Heure de l'Est nord-américain""",
    "America/Chicago": "Central Time (US & Canada)|Central Time|Nordamerikanische Zentralzeit",
    "America/Denver": "Mountain Time (US & Canada)|Mountain Time|Rocky-Mountain-Zeit|Heure des Rocheuses",
    "America/Phoenix": "Arizona",
    "America/Los_Angeles": "Pacific Time (US & Canada)|Pacific Time|Nordamerikanische Westküstenzeit",
    "America/Anchorage": "Alaska",
    "Pacific/Honolulu": "Hawaii",
    "America/Halifax": "Atlantic Time (Canada)|Atlantic Time",
    "America/St_Johns": "Newfoundland",
    "America/Sao_Paulo": "Brasília|Brasilia|Horário de Brasília",
    "America/Argentina/Buenos_Aires": "City of Buenos Aires",
    "Asia/Kolkata": "Chennai|Mumbai|New Delhi|Indische Zeit|Indische Normalzeit|India Time",
    "Asia/Shanghai": "Beijing|中国标准时间|中国时间|China Time",
    "Asia/Tokyo": "Osaka|日本標準時|日本時間|Japan Time",
    "Asia/Seoul": "대한민국 표준시|대한민국 시간|Korea Time",
    "Asia/Dubai": "Abu Dhabi",
    "Australia/Sydney": "Canberra",
    "UTC": "Coordinated Universal Time|Koordinierte Weltzeit|Temps universel coordonné|Tiempo universal coordinado",
}


def fold(name: str) -> str:
    """Return the name in the form that names are compared in: case-folded, with plain apostrophes and single spaces."""
    return " ".join(name.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()).casefold()


DISPLAY_NAMES = {
    fold(name): zone for zone, names in _NAMES.items() for line in names.splitlines() for name in line.split("|")
}
"""The zone of each name, folded."""
