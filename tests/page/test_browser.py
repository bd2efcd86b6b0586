"""The page in a real Chromium: live, by keyboard, for screen readers, light and dark; with nothing
that its policy would not let run.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.features.plane import Plane
from tests.features.shop import route
from tests.page.browser import Tab, browser, find_browser, new_tab
from tests.page.conftest import MESH, MISSPELT, ROUTED
from tests.page.site import Site, showing

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium here: install it, or name it in HEDDLE_BROWSER"
)

CONTRAST = """
[...document.querySelectorAll("main *, header *")]
  .filter(each => each.checkVisibility() && !each.matches(".hidden, .hidden *, option"))
  .filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(each => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = colour => {
      const [r, g, b] = parts(colour).map(c => (c /= 255) <= .04045 ? c / 12.92
        : ((c + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b;
    };
    let ground = each;
    while (ground && parts(getComputedStyle(ground).backgroundColor)[3] === 0)
      ground = ground.parentElement;
    const [one, other] = [getComputedStyle(each).color,
      ground ? getComputedStyle(ground).backgroundColor : "rgb(255, 255, 255)"].map(light);
    const ratio = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
    return [ratio, each.outerHTML.slice(0, 80)];
  })
  .filter(([ratio]) => ratio < 4.5)
"""
"""The elements whose text does not stand out from what is behind it (WCAG 1.4.3)."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """One browser for all of them: it takes a second to start."""
    assert BROWSER is not None
    with browser(BROWSER) as found:
        yield found


@pytest.fixture
async def tab(port: int, site: Site) -> AsyncIterator[Tab]:
    """A page that has logged in. At the end nothing must have gone wrong in it."""
    async with new_tab(port) as found:
        await found.open(await site.login())
        yield found
        assert found.complaints == []


async def test_sync_follows_what_happens(tab: Tab, plane: Plane) -> None:
    """By server-sent events, without a reload, and without a word where the eye is not."""
    assert "2 disconnected" in await tab.text("#summary")
    await tab.js("window.kept = true")
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        await tab.until("document.querySelector('#summary').innerText.includes('1 disconnected')")
        assert await tab.js("window.kept") is True
    await tab.until("document.querySelector('#summary').innerText.includes('2 disconnected')")


async def test_a_list_that_is_held_still_does_not_change(tab: Tab, plane: Plane) -> None:
    await tab.js("document.getElementById('live').click()")
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await tab.js("htmx.trigger('#list', 'sse:changed')")
        assert "2 disconnected" in await tab.text("#summary")
        await tab.js("document.getElementById('live').click()")
        await tab.until("!document.querySelector('#summary').innerText.includes('2 disconnected')")


async def test_what_a_user_types_filters_the_list(tab: Tab, site: Site) -> None:
    await tab.js("document.querySelector('input[type=search]').focus()")
    await tab.send("Input.insertText", text="web")
    await tab.until("document.querySelectorAll('tbody tr').length === 1")
    assert "shop/web-" in await tab.text("tbody")
    await tab.until("location.search.includes('q=web')")
    await tab.open(str(await tab.js("location.href")))  # the address says it all
    assert await tab.js("document.querySelectorAll('tbody tr').length") == 1


async def test_the_keyboard_is_enough(tab: Tab) -> None:
    """The first stop leads past the menu; each link can be reached, and shows that it is."""
    await tab.press("Tab")
    assert await tab.text(":focus") == "Skip to the content"
    await tab.press("Enter")
    await tab.until("document.activeElement.id === 'main'")
    await tab.press("Tab", "Tab", "Tab", "Tab", "Tab", "Tab")
    assert await tab.js("document.activeElement.closest('th')?.innerText.startsWith('shop/')")
    assert await tab.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_a_screen_reader_is_told_what_things_are(tab: Tab) -> None:
    assert list(await tab.names("heading")) == ["Sync"]
    assert list(await tab.names("searchbox")) == ["Proxy"]
    assert list(await tab.names("combobox")) == ["State"]
    assert list(await tab.names("checkbox")) == ["Live"]
    assert "How far each proxy has come, by type" in await tab.names("table")
    assert list(await tab.names("columnheader"))[:3] == ["Proxy", "State", "CDS"]
    assert len(await tab.names("rowheader")) == 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_text_stands_out_by_day_and_by_night(
    tab: Tab, plane: Plane, site: Site, dark: bool
) -> None:
    plane.apply(*MESH, MISSPELT)
    await tab.dark(dark)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        namespace, _, name = plane.pod("shop/web").partition("/")
        proxy = f"{name}.{namespace}"
        explained = f"/explain?from={proxy}&to=http://reviews"
        for path in ("/sync", "/config", explained, "/graph", "/proxy", f"/proxy?proxyID={proxy}"):
            await tab.open(site.base + path)
            assert await tab.js(CONTRAST) == []
    ground = str(await tab.js("getComputedStyle(document.body).backgroundColor"))
    assert (ground == "rgb(255, 255, 255)") is not dark


async def test_names_that_are_markup_stay_names(tab: Tab, plane: Plane, site: Site) -> None:
    """All that a user may write into an object is text, wherever it turns up."""
    hostile = "<img src=x onerror=window.run=1><script>window.run=1</script>"
    spoilt = ROUTED.replace("subset: v1", f'subset: "{hostile}"')
    plane.apply(*MESH, spoilt, route("other", f'{{name: "{hostile}", timeout: "{hostile}"}}'))
    await tab.open(f"{site.base}/config")
    assert hostile in await tab.text()
    assert await tab.js("window.run") is None


async def test_the_graph_is_drawn_and_said_in_words(tab: Tab, site: Site) -> None:
    """All that is drawn is visible, in the colours of the night too; a screen reader has tables."""
    await tab.open(f"{site.base}/graph")
    drawn = "document.getElementById('graph')._cyreg.cy"
    await tab.until(f"{drawn}.nodes().length === 6")
    assert await tab.js(f"{drawn}.elements().filter(e => !e.visible()).length") == 0
    by_day = await tab.js(f"{drawn}.nodes()[0].style('color')")
    await tab.dark(True)
    await tab.until(f"{drawn}.nodes()[0].style('color') !== '{by_day}'")
    assert list(await tab.names("table")) == [
        "Callers by row, services by column",
        "Each service, and what its requests are shared out to",
    ]
    assert "Larger" in await tab.names("button")


async def test_it_says_when_what_is_shown_may_be_old(
    port: int, plane: Plane, tmp_path: Path
) -> None:
    async with new_tab(port) as tab:
        async with showing(plane, tmp_path) as gone:
            await tab.open(await gone.login())
        await tab.until("document.querySelector('[role=alert]')")
        assert "may be old" in await tab.text("[role=alert]")
