"""Operations on the hierarchy: each takes an open write transaction and keeps every rule of DESIGN §3."""
