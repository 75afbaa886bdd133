"""Sets in folders: what extends what, words of scenarios, what is wrong said clearly, copies."""

import re
from pathlib import Path

import pytest

from app.commons.scenario import get_scenario
from app.minds.prompt_folders import CompiledSets, find_sets, load_folder, load_set, new_set
from app.minds.prompts import PIECES, PromptError, PromptSet
from tests.minds.samples import BASE, base_prompts, prompt_set
from tests.minds.write_golden import CASES, PARAPHRASES, golden_path, golden_text

SHIPPED = BASE.parent
EXTENDING = 'name = "mine"\nversion = "1"\ndescription = "Mine."\nextends = "base"\n'


def own_set(folder: Path, name: str = "mine", **files: str) -> Path:
    made = folder / name
    made.mkdir()
    for file, text in ({"set.toml": EXTENDING} | {key.replace("__", "."): text for key, text in files.items()}).items():
        (made / file).write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("prompts", PARAPHRASES)
@pytest.mark.parametrize(("scenario", "condition"), CASES)
def test_the_paraphrases_read_as_they_were_approved(scenario: str, condition: str, prompts: str):
    approved = golden_path(scenario, condition, prompts).read_text(encoding="utf-8")
    assert golden_text(scenario, condition, prompts) == approved


@pytest.mark.parametrize("prompts", PARAPHRASES)
@pytest.mark.parametrize(("scenario", "condition"), CASES)
def test_a_paraphrase_tells_neither_more_nor_less(scenario: str, condition: str, prompts: str):
    text, base = golden_text(scenario, condition, prompts), golden_text(scenario, condition)
    assert not re.search(r"\b(12|twelve|collapse|threshold|5|random|proportion|shared out)\b", text, re.IGNORECASE)
    if condition == "no_communication":
        assert not re.search(r"\b(talk|speak|meet\w*|mayor|said|agree\w*|conversation|say)\b", text, re.IGNORECASE)
    numbers = [sorted(set(re.findall(r"\d+", told.partition("# utterance")[0]))) for told in (text, base)]
    assert numbers[0] == numbers[1]
    assert base.count("Answer: N") == text.count("Answer: N")


@pytest.mark.parametrize("prompts", PARAPHRASES)
def test_no_sentence_of_the_rules_is_the_base_sets(prompts: str):
    """The rules, not the fixed form of answers: no sentence of more than five words is the same."""
    for scenario in ("fishery", "pasture", "pollution"):
        ours, base = (golden_text(scenario, "default", name).partition("# harvest")[0] for name in (prompts, "base"))
        sentences = {item.strip() for item in re.split(r"[.\n]", base) if len(item.split()) > 5}
        assert not [item for item in sentences if item in ours]


def test_a_set_that_extends_another_is_kept_whole(tmp_path: Path):
    made = load_set([tmp_path, SHIPPED], own_set(tmp_path, memories__txt="You recall:").name)
    assert set(made.files) == set(base_prompts().files)
    assert made.render("memories") == "You recall:"
    assert made.render("talk") == base_prompts().render("talk")
    stored = PromptSet.from_files("mine", made.files)
    assert stored.hash == made.hash != base_prompts().hash


def test_a_set_of_ones_own_may_stand_in_for_the_one_it_extends(tmp_path: Path):
    own_set(tmp_path, "base", memories__txt="You recall:")
    assert load_set([tmp_path, SHIPPED], "base").render("memories") == "You recall:"


def test_a_set_may_put_the_words_of_a_scenario_its_own_way(tmp_path: Path):
    folder = own_set(tmp_path, words__toml='[fishery]\nstock_told = "In the lake: {amount}."\n')
    prompts = load_folder(folder, [SHIPPED])
    fishery, pasture = get_scenario("fishery"), get_scenario("pasture")
    assert prompts.in_words(fishery).words.stock_told == "In the lake: {amount}."
    assert prompts.in_words(fishery).words.ask == fishery.words.ask
    assert prompts.in_words(pasture) == pasture


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"rules__txt": "{{ months }} months"}, "uses 'months' in 'rules.txt'"),
        ({"rule__txt": "Rules."}, "a file 'rule.txt' that nobody reads"),
        ({"word__toml": ""}, "a file 'word.toml' that nobody reads"),
        ({"set__toml": EXTENDING + 'exends = "base"\n'}, "'exends' is unknown there"),
        ({"set__toml": EXTENDING.replace('"Mine."', "1")}, "'description' must be a text"),
        ({"set__toml": EXTENDING.replace('version = "1"\n', "")}, "'version' is missing"),
        ({"set__toml": "name ="}, "is no TOML"),
        ({"set__toml": EXTENDING.replace("base", "nothing")}, "extends 'nothing', which is not there"),
        ({"set__toml": EXTENDING.replace("base", "mine")}, "extends 'mine', which is not there"),
        ({"set__toml": EXTENDING.replace("base", "../base")}, "extends '../base', which is not there"),
        ({"words__toml": "[forest]\nask = 'x'\n"}, "no scenario 'forest'. Choose one of: fishery, pasture, pollution"),
        ({"words__toml": "[trash]\nask = 'x'\n"}, "no scenario 'trash'"),
        ({"words__toml": "fishery = 1\n"}, "'fishery' must be a table"),
        ({"words__toml": "[fishery]\naks = 'x'\n"}, "'aks', which is no word to change"),
        ({"words__toml": "[fishery]\noverseer = 'Boss'\n"}, "'overseer', which is no word to change"),
        ({"words__toml": "[fishery]\nask = 1\n"}, "ask must be a text"),
        ({"words__toml": "[fishery]\nstock_told = 'Some {fish}, {amount}.'\n"}, "uses {fish}, which nobody fills in"),
        ({"words__toml": "[fishery]\nstock_told = 'Some.'\n"}, "stock_told lacks {amount}"),
        ({"words__toml": "[fishery]\nask = 'How many {?'\n"}, "a brace that is not closed"),
    ],
)
def test_what_is_wrong_with_a_set_is_said_in_one_sentence(tmp_path: Path, files: dict[str, str], says: str):
    folder = own_set(tmp_path, **files)
    with pytest.raises(PromptError, match=re.escape(says)) as caught:
        load_folder(folder, [SHIPPED])
    assert "\n" not in str(caught.value)
    [found] = [found for found in find_sets([tmp_path, SHIPPED]) if found.name == "mine"]
    assert (found.prompts, found.problem) == (None, str(caught.value))


def test_a_complete_set_without_a_file_is_refused(tmp_path: Path):
    folder = own_set(tmp_path, set__toml=EXTENDING.replace('extends = "base"\n', ""))
    with pytest.raises(PromptError, match=r"has no file 'identity\.txt'"):
        load_folder(folder, [SHIPPED])


def test_two_sets_that_extend_each_other_are_refused(tmp_path: Path):
    own_set(tmp_path, "a", set__toml=EXTENDING.replace("base", "b"))
    own_set(tmp_path, "b", set__toml=EXTENDING.replace("base", "a"))
    with pytest.raises(PromptError, match="extends it in turn"):
        load_set([tmp_path], "a")


@pytest.mark.parametrize("name", ["nothing", "../base", "/etc", ""])
def test_a_set_that_is_not_there_lists_those_that_are(name: str):
    with pytest.raises(PromptError, match="Choose one of: base, paraphrase-1, paraphrase-2"):
        load_set([SHIPPED], name)


def test_a_copy_is_complete_says_where_it_comes_from_and_overwrites_nothing(tmp_path: Path):
    made = new_set(prompt_set("paraphrase-1"), tmp_path / "own" / "mine")
    copy = load_folder(made)
    assert {path.stem for path in made.glob("*.txt")} == set(PIECES)
    assert copy.render("talk") == prompt_set("paraphrase-1").render("talk")
    assert copy.description == "A copy of paraphrase-1, version 1."
    with pytest.raises(PromptError, match="nothing is overwritten"):
        new_set(base_prompts(), made)
    with pytest.raises(PromptError, match="is no name"):
        new_set(base_prompts(), tmp_path / "My Set")


def test_all_shipped_sets_can_be_used():
    assert {found.name: found.problem for found in find_sets([SHIPPED])} == dict.fromkeys(("base", *PARAPHRASES))


def test_a_set_is_compiled_again_only_when_its_files_say_something_else(tmp_path: Path):
    made = own_set(tmp_path, memories__txt="You recall:")
    compiled = CompiledSets()
    first = load_set([tmp_path, SHIPPED], "mine", compiled)
    assert load_set([tmp_path, SHIPPED], "mine", compiled) is first
    assert {found.name: found.prompts for found in find_sets([tmp_path, SHIPPED], compiled)}["mine"] is first
    (made / "memories.txt").write_text("You think of:", encoding="utf-8")
    again = load_set([tmp_path, SHIPPED], "mine", compiled)
    assert again.render("memories") == "You think of:" and first.render("memories") == "You recall:"
    (made / "memories.txt").write_text("{{ nobody }}", encoding="utf-8")
    with pytest.raises(PromptError, match="nobody"):
        load_set([tmp_path, SHIPPED], "mine", compiled)
