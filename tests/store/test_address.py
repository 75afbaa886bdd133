import pytest

from app.store.address import DatabaseError, database_url, shown


@pytest.mark.parametrize("password", ["p@ss", "p@ss/w", "@"])
def test_a_password_with_an_at_sign_is_refused_unshown(password: str) -> None:
    with pytest.raises(DatabaseError, match="more than one '@'") as refused:
        database_url(f"postgresql://ana:{password}@db.example/runs")
    assert "ss" not in str(refused.value).replace("password", "")


def test_a_password_that_is_percent_encoded_is_taken_and_never_shown() -> None:
    address = "postgresql://ana:p%40ss%2Fw@db.example/runs"
    assert database_url(address).password == "p@ss/w"
    assert shown(address) == "postgresql://ana:***@db.example/runs"
