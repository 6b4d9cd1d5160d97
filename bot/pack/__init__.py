"""A mission pack, loaded and validated: organisations, flights, missions, customers, stewards, care, rooms,
policy.

The pack's format is the contract with the operator. Whatever is wrong with a pack is told at once, each
mistake with its file, line, key path, what was found and what was expected; nothing is half-loaded.
"""

from __future__ import annotations

from bot.pack.loading import load_pack
from bot.pack.phases import care_for, phase, phase_of
from bot.pack.values import (
    CHANNELS,
    ROLES,
    VISIBILITIES,
    Customer,
    Flight,
    Identity,
    Mission,
    Organisation,
    Pack,
    Person,
    Room,
    Steward,
)

__all__ = [
    "CHANNELS",
    "ROLES",
    "VISIBILITIES",
    "Customer",
    "Flight",
    "Identity",
    "Mission",
    "Organisation",
    "Pack",
    "Person",
    "Room",
    "Steward",
    "care_for",
    "load_pack",
    "phase",
    "phase_of",
]
