"""Diagrams and tables of architectures: every layer, every unit, every parameter, and nothing executable."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from isthmus.core.errors import ParameterError
from isthmus.core.layer_row import LayerRow
from isthmus.report.diagram import architecture_svg, architecture_table
from isthmus.report.diagram_layout import lay_out

SVG = "{http://www.w3.org/2000/svg}"

TEXTBOOK = [
    LayerRow("input", "Input", "", (6,), 0),
    LayerRow("encoder", "Linear", "ReLU", (5,), 35),
    LayerRow("encoder", "Linear", "ReLU", (5,), 30),
    LayerRow("encoder", "Linear", "ReLU", (4,), 24),
    LayerRow("latent", "Mean", "", (2,), 10),
    LayerRow("latent", "Standard deviation", "", (2,), 10),
    LayerRow("latent", "z", "N(0, I) prior", (2,), 0),
    LayerRow("decoder", "Linear", "ReLU", (4,), 12),
    LayerRow("decoder", "Linear", "ReLU", (5,), 25),
    LayerRow("decoder", "Linear", "ReLU", (5,), 30),
    LayerRow("output", "Linear", "Gaussian", (6,), 36),
]
LARGE = [
    LayerRow("input", "Input", "", (28, 28), 0),
    LayerRow("encoder", "Linear", "GELU", (512,), 401_920),
    LayerRow("encoder", "Linear", "GELU", (128,), 65_664),
    LayerRow("latent", "Linear", "", (32,), 4_128),
    LayerRow("decoder", "Linear", "GELU", (512,), 16_896),
    LayerRow("output", "Linear", "Bernoulli", (28, 28), 402_192),
]


def _text(svg: str) -> str:
    return " ".join("".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def test_a_row_must_belong_to_a_stage() -> None:
    with pytest.raises(
        ValueError, match="`stage` must be one of input, encoder, latent, decoder, output; got 'middle'"
    ):
        LayerRow("middle", "Linear", "", (2,), 0)


def test_table_lists_every_layer_and_the_total() -> None:
    lines = architecture_table(LARGE).splitlines()
    assert len(lines) == len(LARGE) + 4
    assert lines[2].split() == ["input", "Input", "28", "×", "28", "–"]
    assert lines[3].split() == ["encoder", "Linear,", "GELU", "512", "401,920"]
    assert lines[-1].split() == ["total", "890,800"]
    assert len({len(line) for line in lines}) == 1


def test_table_cannot_command_a_terminal() -> None:
    table = architecture_table([LayerRow("input", "a\x1b[2Jb", "\u202e", (1,), 0)])
    assert "\x1b" not in table
    assert "\\x1b[2Jb, \\u202e" in table


def test_every_unit_of_small_layers_is_a_circle() -> None:
    root = ElementTree.fromstring(architecture_svg(TEXTBOOK, "A dense VAE"))
    circles = [circle for group in root.iter(f"{SVG}g") for circle in group.findall(f"{SVG}circle")]
    units = sum(row.size for row in TEXTBOOK)
    stops = len(lay_out(TEXTBOOK).columns)  # the dots on the line of arrows
    assert len(circles) == units + stops
    assert not [rect for rect in root.iter(f"{SVG}rect") if rect.get("width") != "100%"]


def test_units_are_joined_as_in_textbooks() -> None:
    layout = lay_out(TEXTBOOK)
    lines = [len(link.lines) for link in layout.links]
    # Dense layers join all pairs; mean and deviation meet the code unit by unit.
    assert lines == [30, 25, 20, 8, 8, 2, 2, 8, 20, 25, 30]
    heads, code = layout.columns[4], layout.columns[5]
    assert [shape.symbol for shape in (*heads.shapes, *code.shapes)] == ["μ", "σ", "z"]
    assert heads.parameters == "20"
    assert heads.shapes[0].bottom < heads.shapes[1].top


def test_boxes_follow_the_logarithm_of_the_size() -> None:
    layout = lay_out(LARGE)
    heights = {column.shapes[0].size: column.shapes[0].height for column in layout.columns}
    assert heights[784] > heights[512] > heights[128] > heights[32]
    slope = (heights[512] - heights[128]) / math.log(512 / 128)
    assert heights[784] - heights[32] == pytest.approx(slope * math.log(784 / 32))
    assert all(len(link.funnel) == 4 and not link.lines for link in layout.links)


def test_names_shapes_parameters_and_total_are_written() -> None:
    text = _text(architecture_svg(LARGE, "Pixels"))
    for words in ("Pixels", "GELU", "28 × 28", "401,920", "890,800 parameters in total", "Encoder", "Code", "Decoder"):
        assert words in text
    root = ElementTree.fromstring(architecture_svg(LARGE, "Pixels"))
    assert (
        root.get("aria-label") == "Pixels: layers of sizes 784 to 512 to 128 to 32 to 512 to 784; 890,800 parameters."
    )


@pytest.mark.parametrize("depth", [8, 14])
def test_up_to_fourteen_columns_fit_nine_hundred_pixels(depth: int) -> None:
    rows = [LayerRow("encoder", "Linear", "GELU", (64,), 1)] * (depth - 1) + [LARGE[-1]]
    layout = lay_out(rows)
    assert layout.width <= 900
    assert layout.columns[-1].x < layout.width


def test_equal_sizes_and_single_layers_can_be_drawn() -> None:
    assert lay_out([LARGE[1], LARGE[1]]).columns[0].shapes[0].height > 0
    assert "<svg" in architecture_svg([LARGE[0]])


def test_no_layers_are_refused() -> None:
    with pytest.raises(ParameterError, match="at least one layer; `rows` is empty"):
        architecture_svg([])


def test_hostile_names_stay_text() -> None:
    name = '</script><img src=x onerror="alert(1)">{{7*7}}\u202e'
    svg = architecture_svg([LayerRow("input", name, "javascript:alert(1)", (3,), 0), LARGE[1]], name)
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "rect", "text", "tspan", "path", "polygon", "g", "title", "circle",
    }  # fmt: skip
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on") or "href" in key]
    assert "{{7*7}}" in _text(svg)
    assert "\u202e" not in svg
