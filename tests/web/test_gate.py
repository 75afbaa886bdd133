import base64

import pytest

from app.web.gate import COOKIE, FAILURES, LIFETIME_S, Gate
from app.web.routes.login import own_path
from tests.web.conftest import Site

PASSWORD = "correct horse"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_browser_logs_in_once_and_goes_on_where_it_wanted(locked: Site) -> None:
    first = await locked.client.get("/runs?scenario=fishery")
    assert first.headers["location"] == "/login?next=%2Fruns%3Fscenario%3Dfishery"
    form = await locked.page(first.headers["location"])
    assert form.one("input", name="next").attributes["value"] == "/runs?scenario=fishery"
    answer = await locked.client.post("/login", data={"password": PASSWORD, "next": "/runs?scenario=fishery"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?scenario=fishery")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert PASSWORD not in cookie
    assert (await locked.client.get("/runs")).status_code == 200


async def test_logging_out_forgets_the_browser(locked: Site) -> None:
    await locked.client.post("/login", data={"password": PASSWORD})
    assert (await locked.client.post("/logout")).status_code == 303
    assert (await locked.client.get("/runs")).status_code == 303


async def test_a_wrong_password_is_refused_beside_its_field(locked: Site) -> None:
    response = await locked.client.post("/login", data={"password": "wrong"})
    assert response.status_code == 401
    assert "That is not the password." in response.text
    assert COOKIE not in locked.client.cookies


@pytest.mark.parametrize(
    "header",
    [f"Bearer {PASSWORD}", f"bearer {PASSWORD}", "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()],
)
async def test_programs_send_the_password_with_each_request(locked: Site, header: str) -> None:
    assert (await locked.client.get("/api/v1/runs", headers={"Authorization": header})).status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Basic ???", "Basic " + base64.b64encode(b"me").decode(), "Digest x"]
)
async def test_any_other_credential_is_refused(locked: Site, header: str) -> None:
    response = await locked.client.get("/api/v1/runs", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


def test_sessions_cannot_be_made_up_and_end() -> None:
    clock = Clock()
    gate = Gate(PASSWORD, clock)
    session = gate.new_session()
    assert gate.valid_session(session)
    expires, _, signature = session.partition(".")
    for forged in (None, "", ".", f"{int(expires) + 1}.{signature}", f"{expires}.{'0' * 64}", "ü.ü"):
        assert not gate.valid_session(forged)
    assert not Gate("another one", clock).valid_session(session)
    clock.now += LIFETIME_S + 1
    assert not gate.valid_session(session)


def test_trying_passwords_is_slowed_down_for_who_tries() -> None:
    clock = Clock()
    gate = Gate(PASSWORD, clock)
    for _ in range(FAILURES):
        problem = gate.try_password("guess", "1.2.3.4")
        assert problem and problem.status == 401
    blocked = gate.try_password(PASSWORD, "1.2.3.4")
    assert blocked and blocked.status == 429 and int(blocked.headers["Retry-After"]) <= 60
    assert gate.try_password(PASSWORD, "5.6.7.8") is None
    clock.now += 61
    assert gate.try_password(PASSWORD, "1.2.3.4") is None


def test_the_count_of_failures_is_bounded() -> None:
    gate = Gate(PASSWORD, Clock())
    for number in range(3000):
        gate.try_password("guess", f"client {number}")
    assert len(gate._failures) <= 1000


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "runs", "", "/a\r\nb: c"]
)
def test_a_login_leads_nowhere_else(path: str) -> None:
    assert own_path(path) == "/"


def test_a_login_leads_on_inside() -> None:
    assert own_path("/runs/r2?m=5&agent=kate") == "/runs/r2?m=5&agent=kate"
