"""What forms are made of: fields from the store's own models, what was typed, and what is wrong with it.

Nothing here imports Textual or the ORM. Every rule is asked of ``store``: a form only says where it was broken.
"""
