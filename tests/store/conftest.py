from tests.databases import on_both

database_kind = on_both
