"""The names that a simulated organisation gives to its places, people and files. Data only."""

from __future__ import annotations

from typing import Final

MOVERS: Final = ("nas-exit", "dc-move", "branch-offices", "archive", "lab-data", "media", "factory", "campus")
SITES: Final = ("oslo", "lyon", "york", "bonn", "gent", "faro", "turin", "malmo", "cork", "basel", "split", "tartu")
DEPARTMENTS: Final = (
    ("hr", ("home", "payroll", "contracts", "reviews", "training", "applicants", "policies", "archive", "travel")),
    ("finance", ("ledger", "invoices", "audit", "tax", "budget", "treasury", "reports", "archive", "scans")),
    ("engineering", ("cad", "builds", "specs", "releases", "firmware", "tests", "suppliers", "archive", "tools")),
    ("legal", ("cases", "contracts", "patents", "discovery", "claims", "counsel", "registers", "archive", "forms")),
    ("sales", ("accounts", "offers", "forecasts", "partners", "events", "pricing", "crm-export", "archive", "demo")),
    ("media", ("raw", "projects", "renders", "stock", "audio", "proxies", "masters", "archive", "graphics")),
    ("research", ("sequencing", "imaging", "models", "papers", "grants", "cohorts", "notebooks", "archive", "raw")),
    ("facilities", ("plans", "permits", "maintenance", "energy", "security", "leases", "photos", "archive", "keys")),
)
"""What a project is called after, and the shares that a department of it has."""

DIRECTORIES: Final = (
    "2019",
    "2021",
    "2023",
    "2024",
    "drafts",
    "final",
    "incoming",
    "old",
    "shared",
    "team a",
    "Übergabe",
)
FILES: Final = ("report", "minutes", "scan", "photo", "export", "backup", "draft", "model", "list", "letter", "résumé")
ENDINGS: Final = (".docx", ".pdf", ".xlsx", ".jpg", ".csv", ".bak", ".dwg", ".txt", ".mp4", "")

ADMINS: Final = ("ann", "bob", "carla", "dmitri")
VERSIONS: Final = ("0.1.0", "0.1.0", "0.1.0", "0.0.9")
TIME_ZONES: Final = ("UTC", "CET", "GMT", "EET")
