"""Published figures: typed, sourced, and agreeing with each other where the sources repeat themselves."""

import re

import pytest

from app.analysis.published import LABEL, METRICS, Published, Row, published
from app.commons.scenario import conditions, scenarios


def rows(table: str) -> dict[str, Row]:
    return {row.model: row for found in published().tables if found.table == table for row in found.rows}


def test_every_table_names_its_source_place_and_label():
    for table in published().tables:
        source = published().sources[table.source]
        assert source.url.startswith("https://")
        assert table.label == LABEL == "different prompts"
        assert table.scenario == "all" or scenarios()[table.scenario].playable
        assert table.condition in conditions()
        if source.kind == "paper":
            assert re.fullmatch(r"Table \d+", table.table)
            assert table.page


def test_every_row_has_every_metric_within_its_range():
    for table in published().tables:
        for row in table.rows:
            assert tuple(row.figures) == METRICS
            assert row.runs >= 5
            assert 1 <= row.figures["survival_time"].value <= 12
            for metric in ("survival_rate", "efficiency", "equality", "over_usage"):
                assert 0 <= row.figures[metric].value <= 100


@pytest.mark.parametrize("metric", METRICS)
def test_the_papers_pooled_table_is_the_mean_of_its_three_scenarios(metric: str):
    pooled, parts = rows("Table 1"), [rows(name) for name in ("Table 4", "Table 5", "Table 6")]
    assert len(pooled) == 13
    for model, row in pooled.items():
        mean = sum(part[model].figures[metric].value for part in parts) / 3
        assert row.figures[metric].value == pytest.approx(mean, abs=0.1), (model, metric)


def test_efficiency_follows_from_gain():
    for table in published().tables:
        for row in table.rows:
            gain, efficiency = row.figures["gain"].value, row.figures["efficiency"].value
            assert efficiency == pytest.approx(min(gain / 120, 1) * 100, abs=0.4), (table.table, row.model)


def test_a_table_without_its_source_is_refused():
    with pytest.raises(ValueError, match="no source 'nobody'"):
        Published(sources={}, tables=(published().tables[0].model_copy(update={"source": "nobody"}),))
