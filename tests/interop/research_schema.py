"""What the 28 published runs have in common: every record, node and configuration validates against this, and so must
what we export. Derived from the files themselves (kinds of values, key sets, marks), not from our code."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, TypeAdapter

KEYS = (
    "agent_id", "round", "action", "resource_in_pool_before_harvesting", "resource_in_pool_after_harvesting",
    "concurrent_harvesting", "resource_collected", "wanted_resource", "html_interactions", "agent_name",
    "resource_limit", "utterance",
)  # fmt: skip
NODE_KEYS = (
    "id", "type", "subject", "predicate", "object", "description", "importance_score", "created", "expiration",
    "always_include",
)  # fmt: skip

Persona = Annotated[StrictStr, Field(pattern=r"^persona_\d+$")]
Shown = Annotated[StrictStr, Field(pattern=re.compile(r"^(<div><strong>USER</strong>: .*</div>)?\Z", re.DOTALL))]
Amount = Annotated[StrictFloat, Field(ge=0)]
Moment = Annotated[StrictStr, Field(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", regex_engine="python-re")


class _Record(_Closed):
    round: Annotated[StrictInt, Field(ge=0)]


class Harvesting(_Record):
    action: Literal["harvesting"]
    agent_id: Persona
    resource_in_pool_before_harvesting: Amount
    resource_in_pool_after_harvesting: Amount
    concurrent_harvesting: StrictBool
    resource_collected: Amount
    wanted_resource: Amount
    html_interactions: Annotated[list[Shown], Field(min_length=1, max_length=1)]
    agent_name: None
    resource_limit: None
    utterance: None


class _Talk(_Record):
    resource_in_pool_before_harvesting: None
    resource_in_pool_after_harvesting: None
    concurrent_harvesting: None
    resource_collected: None
    wanted_resource: None
    html_interactions: Shown
    agent_name: StrictStr
    resource_limit: Amount | None


class Utterance(_Talk):
    action: Literal["utterance"]
    agent_id: Persona | Literal["framework"]
    utterance: StrictStr


class Framework(_Talk):
    action: Literal["conversation_summary", "conversation_resource_limit"]
    agent_id: Literal["framework"]
    utterance: None


class Node(_Closed):
    id: Annotated[StrictInt, Field(ge=1)]
    type: Literal["EVENT", "THOUGHT", "CHAT"]
    subject: None
    predicate: None
    object: None
    description: StrictStr
    importance_score: StrictInt
    conversation: list[tuple[StrictStr, StrictStr]] | None = None
    created: Moment
    expiration: Moment
    always_include: Literal["true", "false"]


LOG: TypeAdapter[Any] = TypeAdapter(
    Annotated[list[Annotated[Harvesting | Utterance | Framework, Field(discriminator="action")]], Field(min_length=1)]
)
NODES: TypeAdapter[Any] = TypeAdapter(list[Node])


def check_log(log: list[dict[str, Any]]) -> None:
    """Assert that *log* is what the research code writes: records, their keys in order, and their order in a month."""
    LOG.validate_python(log)
    assert all(tuple(row) == KEYS for row in log)
    months = sorted({row["round"] for row in log})
    assert months == list(range(len(months)))
    for month in months:
        rows = [row for row in log if row["round"] == month]
        assert rows[0] is log[log.index(rows[0])]
        kinds = [row["action"] for row in rows]
        order = ["harvesting", "utterance", "conversation_summary", "conversation_resource_limit"]
        assert kinds == sorted(kinds, key=order.index)
        said = [row for row in rows if row["action"] == "utterance"]
        assert kinds[len(kinds) - 2 :] == order[2:] if said else set(kinds) == {"harvesting"}
        assert len({row["resource_limit"] for row in rows if row["action"] != "harvesting"}) <= 1
        stocks = {
            (row["resource_in_pool_before_harvesting"], row["resource_in_pool_after_harvesting"])
            for row in rows
            if row["action"] == "harvesting"
        }
        assert len(stocks) == 1
        if said and said[0]["agent_id"] == "framework":
            assert said[-1]["html_interactions"] == rows[-2]["html_interactions"]


def check_nodes(nodes: list[dict[str, Any]]) -> None:
    """Assert that *nodes* are what the research code writes: keys in order, a conversation for a CHAT alone."""
    NODES.validate_python(nodes)
    for node in nodes:
        assert tuple(key for key in node if key != "conversation") == NODE_KEYS
        assert ("conversation" in node) == (node["type"] == "CHAT")


def check_config(config: dict[str, Any]) -> None:
    """Assert that *config* has what tools read of a configuration."""
    experiment = config["experiment"]
    env = experiment["env"]
    assert experiment["scenario"] in ("fishing", "fishing_japanese", "sheep", "pollution", "trash")
    assert all(experiment["personas"][f"persona_{n}"]["name"] for n in range(experiment["personas"]["num"]))
    assert env["name"].startswith(("fish_", "sheep_", "pollution_", "trash_"))
    assert (env["harvesting_order"], env["assign_resource_strategy"] in ("stochastic", "proportional")) == (
        "concurrent",
        True,
    )
    for key in ("max_num_rounds", "initial_resource_in_pool", "num_agents"):
        assert type(env[key]) is int
    assert type(env["inject_universalization"]) is bool
    assert "max_conversation_steps" in experiment["agent"]["converse"]
    assert "llm" in config or "mix_llm" in config
