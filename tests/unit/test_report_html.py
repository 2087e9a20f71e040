"""The page: self-contained, safe, readable by everyone."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from grading.report.build import Audience
from grading.report.html import render_html, report_style
from tests.golden.examples import EXAMPLES, SEED
from tests.golden.hostile import LONG, NASTY, TEXT, authored, hostile

VOID = {"meta", "rect", "path", "circle"}


class Page(HTMLParser):
    """The outline of a page; refuses tags that are closed in the wrong order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def outline(page: Page) -> list[str]:
    return [tag for tag, _ in page.tags]


@given(TEXT)
@settings(max_examples=100, deadline=None)
def test_no_text_becomes_markup(text: str) -> None:
    assert outline(Page(render_html(hostile(text)))) == outline(Page(render_html(hostile("plain"))))
    render_html(authored(text)).encode()


@pytest.mark.parametrize("text", NASTY)
def test_each_known_trick_stays_text(text: str) -> None:
    for audience in Audience:
        expected = outline(Page(render_html(hostile("plain"), audience=audience)))
        assert outline(Page(render_html(hostile(text), audience=audience))) == expected


def test_a_page_stays_small_whatever_the_input() -> None:
    assert len(render_html(hostile(LONG, count=5_000))) < 200_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_needs_nothing_else(name: str) -> None:
    text = render_html(EXAMPLES[name])
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form", "base"}
    for _, attributes in page.tags:
        assert not {"src", "style", "onclick", "onload", "srcset"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "http" not in text.replace("http-equiv", "")
    assert "@import" not in text
    assert str(SEED) not in text


def test_the_policy_allows_exactly_this_style() -> None:
    text = render_html(EXAMPLES["partial"])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_screen_reader_finds_its_way(name: str) -> None:
    page = Page(render_html(EXAMPLES[name]))
    assert page.all("html")[0]["lang"] == "en"
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    for landmark in ("header", "main", "footer", "title"):
        assert len(page.all(landmark)) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    for image in page.all("svg"):
        assert image.get("aria-hidden") == "true" or (image["role"] == "img" and image["aria-label"])
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_status_is_said_in_words() -> None:
    text = render_html(EXAMPLES["partial"])
    for word in ("partly passed", "not passed", "awaits a reviewer"):
        assert word in text


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> dict[str, dict[str, str]]:
    roots = re.findall(r":root \{(.*?)\}", report_style(), re.DOTALL)
    light, dark = (dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", root)) for root in roots[:2])
    return {"light": light, "dark": dark}


TEXT_PAIRS = [
    *((ink, page) for ink in ("--ink", "--muted") for page in ("--page", "--card", "--code", "--accent-soft")),
    *(("--ink", page) for page in ("--warn-soft", "--bad-soft")),
    *((tone, f"{tone}-soft") for tone in ("--good", "--warn", "--bad")),
    ("--accent", "--card"),
]


def test_the_measure_of_contrast_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(("ink", "page"), TEXT_PAIRS)
def test_text_has_enough_contrast(mode: str, ink: str, page: str) -> None:
    palette = palettes()[mode]
    assert contrast(palette[ink], palette[page]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_bar_and_the_focus_ring_can_be_told_apart(mode: str) -> None:
    palette = palettes()[mode]
    assert contrast(palette["--accent"], palette["--track"]) >= 3
    assert contrast(palette["--accent"], palette["--page"]) >= 3
    assert "prefers-color-scheme: dark" in report_style()
    assert ":focus-visible" in report_style()
    assert "@media print" in report_style()
