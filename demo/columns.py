"""The record a caller sends about one flight, 30 minutes before it should leave.

Every version of the example model takes this same record and picks its own features from it, so that a switch to a
newer version, or back, never breaks a caller.
"""

from typing import Final

LEAD_MINUTES: Final = 30

TEXT: Final = ("carrier", "origin", "dest")
WHOLE: Final = ("weekday", "hour", "distance", "departures_in_hour")
WEATHER: Final = ("temp", "humid", "wind_speed", "precip", "visib", "pressure")
DELAYS: Final = ("origin_delay", "carrier_delay", "aircraft_delay")
DECIMAL: Final = DELAYS + WEATHER

RECORD: Final = TEXT + WHOLE + DECIMAL
LABEL: Final = "late"
LATE_MINUTES: Final = 15

MEANING: Final = {
    "carrier": "two-letter airline code",
    "origin": "airport of departure: EWR, JFK or LGA",
    "dest": "airport of arrival",
    "weekday": "1 is Monday, 7 is Sunday",
    "hour": "local hour of the scheduled departure",
    "distance": "miles between the airports",
    "departures_in_hour": "flights scheduled to leave the airport in the same clock hour",
    "origin_delay": "mean departure delay in minutes of the flights that left the airport in the last two hours",
    "carrier_delay": "mean departure delay in minutes of the airline's New York flights of the last three hours",
    "aircraft_delay": "arrival delay in minutes of the aircraft's last flight out of New York within a day, 0 if none",
    "temp": "degrees Fahrenheit at the airport, last observation",
    "humid": "relative humidity in per cent",
    "wind_speed": "miles per hour",
    "precip": "inches of rain in the hour",
    "visib": "visibility in miles",
    "pressure": "sea level pressure in millibars",
}
