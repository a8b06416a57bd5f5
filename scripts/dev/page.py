"""Looks at the service's page in Chromium: light and dark, wide and narrow, with and without JavaScript.

    page.py URL CHROMIUM FOLDER

The page behind URL must be served by two tasks in turn, to each value of the header X-Reader by itself: pages that ask
in step would otherwise each get the same task for good. FOLDER gets the screenshots. Exits 1 and says what is wrong.
"""

import re
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

# Conditions below are arrow functions: the page's policy forbids to evaluate text, and Chromium holds Playwright to it.
PATIENCE = 10_000  # ms
SHAPES = {"wide": (1280, 800), "phone": (375, 700), "narrowest": (320, 600)}

wrong: list[str] = []


def expect(good: bool, what: str) -> None:
    if not good:
        wrong.append(what)


def watch(page: Page, name: str, origin: str) -> None:
    """Notes whatever the browser complains about, and whatever it fetches elsewhere."""
    page.on("console", lambda said: expect(said.type not in ("error", "warning"), f"{name}: console: {said.text}"))
    page.on("pageerror", lambda error: expect(False, f"{name}: script: {error}"))
    page.on(
        "request",
        lambda request: expect(request.url.startswith((origin, "data:")), f"{name}: fetches {request.url}"),
    )


def look(page: Page, name: str, folder: Path) -> None:
    """Takes a picture and asks axe for every finding about accessibility, contrast included."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    width = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    expect(width[0] <= width[1], f"{name}: {width[0]} px wide on {width[1]}")
    for finding in Axe().run(page).response["violations"]:
        nodes = "; ".join(node["html"][:80] for node in finding["nodes"][:3])
        expect(False, f"{name}: {finding['id']}: {finding['help']}: {nodes}")


def with_script(browser: Browser, url: str, folder: Path) -> None:
    """Opens all shapes first, so that their clocks tick at the same time."""
    opened = []
    for shape, scheme in (
        ("wide", "light"),
        ("wide", "dark"),
        ("phone", "light"),
        ("phone", "dark"),
        ("narrowest", "light"),
    ):
        width, height = SHAPES[shape]
        page = browser.new_context(
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            extra_http_headers={"X-Reader": f"{shape}-{scheme}"},
        ).new_page()
        watch(page, f"{shape}-{scheme}", url)
        page.goto(url)
        opened.append((page, f"{shape}-{scheme}", page.inner_text("#time")))
    for page, name, first in opened:
        check_live(page, name, first)
        look(page, name, folder)
        page.context.close()


def check_live(page: Page, name: str, first: str) -> None:
    """Wants the time to have moved on, and both tasks to be seen."""
    page.wait_for_function(
        "first => document.getElementById('time').textContent !== first", arg=first, timeout=PATIENCE
    )
    page.wait_for_function("() => document.querySelectorAll('#tasks li').length >= 2", timeout=PATIENCE)
    expect(
        bool(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", page.inner_text("#time"))),
        f"{name}: the time reads {page.inner_text('#time')}",
    )
    tasks = page.locator("#tasks li").all_inner_texts()
    expect(len(tasks) == 2, f"{name}: {len(tasks)} tasks are shown, want 2: {tasks}")
    expect(page.inner_text("#state") == "", f"{name}: the state says {page.inner_text('#state')}")


def without_script(browser: Browser, url: str, folder: Path) -> None:
    name = "without-javascript"
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 700})
    page = context.new_page()
    watch(page, name, url)
    page.goto(url)
    text = page.inner_text("main")
    for fact in ("Version", "Commit", "Up for", "Task", "Container", "Zone", "UTC", "Load the page again"):
        expect(fact in text, f"{name}: {fact} is not shown")
    expect("Who answers" not in text, f"{name}: shows an empty list of who answers")
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    context.close()


def lost_service(browser: Browser, url: str, folder: Path) -> None:
    """Has requests fail, and then come through again."""
    name = "no-answer"
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.route("**/time", lambda route: route.abort())
    page.wait_for_function(
        "() => document.getElementById('state').textContent.startsWith('No answer')", timeout=PATIENCE
    )
    look(page, name, folder)
    page.unroute("**/time")
    page.wait_for_function("() => document.getElementById('state').textContent === ''", timeout=PATIENCE)
    context.close()


def main() -> int:
    url, chromium, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as tools:
        # Without its sandbox, which a container or root does not have; the only page is our own.
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with_script(browser, url, folder)
        without_script(browser, url, folder)
        lost_service(browser, url, folder)
        browser.close()
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
