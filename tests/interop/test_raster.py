"""Charts as PNG: what the SVG says is where it says, in its colours; text is there on a machine without fonts."""

import io

import pytest
from PIL import Image

from app.analysis.figures import catches_figure, stock_figure
from app.analysis.replay import replay
from app.analysis.svg import draw_svg
from app.commons.scenario import get_scenario
from app.interop.lettering import Lettering
from app.interop.raster import colour, dashed, lines_of, png_of
from tests.support import played, scripted_config

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50" font-size="13">'


def drawn(inside: str) -> Image.Image:
    return Image.open(io.BytesIO(png_of(f"{HEAD}{inside}</svg>", 1))).convert("RGB")


def test_shapes_are_where_they_should_be() -> None:
    image = drawn(
        '<rect width="100" height="50" fill="#FFFFFF"/><rect x="10" y="10" width="20" height="20" fill="#FF0000"/>'
        '<circle cx="60" cy="20" r="8" fill="#00FF00"/>'
        '<path d="M0 40H100" fill="none" stroke="#0000FF" stroke-width="8"/>'
        '<path d="M80 5L95 5L95 20Z" fill="rgba(0,0,0,0.5)"/>'
    )
    assert image.getpixel((20, 20)) == (255, 0, 0) and image.getpixel((5, 5)) == (255, 255, 255)
    assert image.getpixel((60, 20)) == (0, 255, 0) and image.getpixel((72, 20)) == (255, 255, 255)
    assert image.getpixel((50, 40)) == (0, 0, 255)
    half = image.getpixel((93, 8))
    assert isinstance(half, tuple) and all(120 <= part <= 135 for part in half)


def test_a_clip_and_an_opacity_hold_for_a_group() -> None:
    image = drawn(
        '<defs><clipPath id="c"><rect x="0" y="0" width="50" height="50"/></clipPath></defs>'
        '<g clip-path="url(#c)"><rect x="10" y="10" width="80" height="20" fill="#FF0000"/></g>'
        '<g opacity="0.5"><rect x="60" y="35" width="20" height="10" fill="#000000"/></g>'
    )
    assert image.getpixel((40, 20)) == (255, 0, 0) and image.getpixel((70, 20)) == (255, 255, 255)
    half = image.getpixel((70, 40))
    assert isinstance(half, tuple) and all(120 <= part <= 135 for part in half)


def test_paths_dashes_and_colours_are_read_as_they_are_written() -> None:
    assert lines_of("M1 2L3 4H5V6h-2M0 0L1 1Z") == [
        [(1, 2), (3, 4), (5, 4), (5, 6), (3, 6)],
        [(0, 0), (1, 1), (0, 0)],
    ]
    assert lines_of("") == [] == lines_of("Z")
    assert list(dashed([(0, 0), (10, 0)], [4, 2])) == [[(0, 0), (4, 0)], [(6, 0), (10, 0)]]
    assert colour("rgba(1,2,3,0.5)") == (1, 2, 3, 128) and colour("#0000FF") == (0, 0, 255, 255)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_our_figures_become_pictures_with_text(theme: str) -> None:
    config = scripted_config()
    told = replay(await played(config), config)
    words = get_scenario("fishery").words
    for figure in (stock_figure(told, config.game, words, theme), catches_figure(told, words, theme)):  # type: ignore[arg-type]
        svg = draw_svg(figure, 720, 400)
        image = Image.open(io.BytesIO(png_of(svg))).convert("RGB")
        assert image.size == (1440, 800)
        # The title stands above the plot, and an empty line has one colour.
        title = image.crop((0, 0, 700, 60)).getcolors(100_000) or []
        assert len(title) > 10


def test_letters_that_the_font_lacks_are_written_otherwise() -> None:
    letters = Lettering()
    assert letters.fit("Größe × 2 – é模\u202e\n  x") == "Grosse x 2 - e? x"
    assert letters.width(letters.shortened("W" * 500, 20, 200), 20) <= 200
    lines = letters.wrapped("one two three four five six seven", 20, 120, 2)
    assert len(lines) == 2 and all(letters.width(line, 20) <= 120 for line in lines) and lines[1].endswith("...")
