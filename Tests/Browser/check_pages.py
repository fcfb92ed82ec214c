"""Opens pages of `lockstep report` in headless Chromium and uses them as a person would.

    apt-get install chromium; pip install websocket-client
    python3 check_pages.py PAGE.html … [--screenshots DIR]

Checks, at 1280 and at 400 pixels, light and dark: no error on the console, no request but the page itself, nothing wider than
the window; that a cell of the confusion matrix opens as many pictures as it has mistakes (up to the page's limit); that arrow
keys walk the matrix; that the table of a sweep shows the trials that the brush has chosen, by keys and by pointer, and sorts;
and that the tab key reaches everything once and leaves the page. Not part of the ordinary tests, which need no browser.
"""

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import websocket


class Browser:
    def __init__(self):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not program:
            sys.exit("skipped: chromium is missing")
        self.folder = tempfile.mkdtemp()
        arguments = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "--disable-gpu",
                     "--no-first-run", "--remote-allow-origins=*", "--hide-scrollbars"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self.process = subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on (ws://\S+)", line):
                self.socket = websocket.create_connection(found[1], timeout=30)
                break
        self.number, self.events, self.session = 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def run(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, address, width, is_dark=False, media=""):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"},
                            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.events = []
        self.call("Page.navigate", url=address)
        for _ in range(300):
            if self.run("document.readyState") == "complete":
                return
            time.sleep(0.05)
        raise RuntimeError(f"{address} does not load")

    def key(self, name, code=0):
        text = {"Enter": "\r"}.get(name)
        extra = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, windowsVirtualKeyCode=code, **extra)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, code=name, windowsVirtualKeyCode=code)

    def mouse(self, kind, x, y):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))

    def pdf(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def check_quiet(browser, address):
    """What the browser complained about, and what it asked for besides the page."""
    for event in browser.events:
        name, data = event.get("method"), event.get("params", {})
        check(name != "Runtime.exceptionThrown", f"exception: {data}")
        check(not (name == "Runtime.consoleAPICalled" and data["type"] in ("error", "assert")), f"console: {data}")
        check(not (name == "Log.entryAdded" and data["entry"]["level"] == "error"), f"log: {data}")
        if name == "Network.requestWillBeSent":
            url = data["request"]["url"]
            check(url.startswith("data:") or url.split("#")[0] == address, f"request: {url}")


def check_matrix(browser, figures):
    results = figures["classification"]
    cells = sorted(results["mistakes"], key=lambda cell: len(results["mistakes"][cell]), reverse=True)
    for cell in cells[:2] + cells[-1:]:
        browser.run(f"document.querySelector('button[data-cell=\"{cell}\"]').click()")
        label, prediction = map(int, cell.split(","))
        count = results["confusionMatrix"][label][prediction]
        shown = browser.run("document.querySelectorAll('#mistakes .mistake-figure .sprite').length")
        check(shown == len(results["mistakes"][cell]) and 0 < shown <= count, f"{cell}: {shown} pictures of {count}")
        size = browser.run("(() => { const r = document.querySelector('#mistakes .sprite').getBoundingClientRect();"
                           "return [r.width, r.height]; })()")
        check(min(size) >= 20, f"pictures of {size} pixels")
    browser.run("document.querySelector('#matrix button[tabindex=\"0\"]').focus()")
    seen = {browser.run("document.activeElement.dataset.cell")}
    for key, code in [("ArrowRight", 39), ("ArrowDown", 40), ("ArrowLeft", 37), ("ArrowUp", 38)] * 3:
        browser.key(key, code)
        seen.add(browser.run("document.activeElement.dataset.cell"))
    check(len(seen) > 1 and None not in seen, f"arrow keys reached {seen}")
    browser.key("Enter", 13)
    chosen = browser.run("document.querySelector('#matrix [aria-pressed=\"true\"]').dataset.cell")
    check(chosen == browser.run("document.activeElement.dataset.cell"), "Enter opens the cell")


def passing(browser, figures):
    """Trials that pass through what the handles say."""
    handles = browser.run("Array.from(document.querySelectorAll('.brush')).map((g) => ['low', 'high'].map((end) => "
                          "Number(g.querySelector(`[data-end=${end}]`).getAttribute('aria-valuenow')) / 100))")
    whole = [low <= 0 and high >= 1 for low, high in handles]
    return [trial["number"] for trial in figures["trials"] if all(
        whole[axis] or (trial["places"][axis] is not None and low - 6e-3 <= trial["places"][axis] <= high + 6e-3)
        for axis, (low, high) in enumerate(handles))]


def rows(browser):
    return browser.run("Array.from(document.querySelectorAll('#trials-table tbody tr')).filter((row) => !row.hidden)"
                       ".map((row) => Number(row.dataset.t))")


def check_brush(browser, figures):
    everything = [trial["number"] for trial in figures["trials"]]
    check(rows(browser) == everything, "the table begins with all trials")
    # By keys, on an axis whose low half holds some trials.
    last = len(figures["axes"]) - 1
    browser.run(f"document.querySelector('.brush[data-a=\"{last}\"] [data-end=low]').focus()")
    for _ in range(25):
        browser.key("ArrowUp", 38)
    chosen = rows(browser)
    check(chosen == passing(browser, figures), f"keys: {chosen} and {passing(browser, figures)}")
    check(0 < len(chosen) < len(everything), f"keys choose {len(chosen)} of {len(everything)}")
    text = browser.run("document.getElementById('brush-count').textContent")
    check(text.startswith(f"{len(chosen)} of "), text)
    lines = browser.run("document.querySelectorAll('#parallel-chart .trial:not(.off)').length")
    check(lines == len(chosen), f"{lines} lines, {len(chosen)} rows")
    browser.key("Escape", 27)
    check(rows(browser) == everything, "Escape frees the axis")
    # By pointer: the upper half of the first axis.
    box = browser.run("(() => { const hit = document.querySelector('.brush[data-a=\"0\"] .hit'); "
                      "hit.scrollIntoView({ block: 'center', behavior: 'instant' }); const r = hit.getBoundingClientRect();"
                      "return [r.left + r.width / 2, r.top, r.bottom]; })()")
    x, top, bottom = box
    browser.mouse("mousePressed", x, top + 14)
    for step in range(1, 6):
        browser.mouse("mouseMoved", x, top + 14 + (bottom - top) * 0.08 * step)
    browser.mouse("mouseReleased", x, top + 14 + (bottom - top) * 0.4)
    chosen = rows(browser)
    check(chosen == passing(browser, figures) and len(chosen) < len(everything), f"pointer: {chosen}")
    browser.run("document.getElementById('brush-reset').click()")
    check(rows(browser) == everything, "show all shows all")
    column = 2 + last
    values = {trial["number"]: trial.get("value") for trial in figures["trials"] if trial["state"] not in ("failed", "diverged")}
    for way in (1, -1):
        browser.run(f"document.querySelector('#trials-table button[data-sort=\"{column}\"]').click()")
        order = [values.get(number) for number in rows(browser)]
        known = [value for value in order if value is not None]
        check(known == sorted(known, reverse=way < 0), f"sorted {way}: {order}")
        check(all(value is None for value in order[len(known):]), "what has no value stands last")


def check_tabs(browser):
    seen = []
    for _ in range(600):
        browser.key("Tab", 9)
        name = browser.run("(() => { const e = document.activeElement; if (!e || e === document.body) return null;"
                           "e.dataset.tabbed = (Number(e.dataset.tabbed) || 0) + 1; const r = e.getBoundingClientRect();"
                           "return `${e.tagName} ${e.dataset.tabbed} ${r.width > 0}`; })()")
        if name is None or int(name.split()[1]) > 1:
            break
        check(name.endswith("true"), f"an unseen element has the focus: {name}")
        seen.append(name)
    check(5 < len(seen) < 600, f"the tab key reached {len(seen)} elements")
    missed = browser.run(
        "Array.from(document.querySelectorAll('a[href], button, summary, [tabindex=\"0\"]')).filter((e) => "
        "e.tabIndex >= 0 && !e.dataset.tabbed && e.checkVisibility()).map((e) => e.outerHTML.slice(0, 80))")
    check(not missed, f"the tab key did not reach {missed}")
    return len(seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--screenshots")
    options = parser.parse_args()
    browser = Browser()
    try:
        for page in options.pages:
            address = "file://" + os.path.abspath(page)
            name = os.path.splitext(os.path.basename(page))[0]
            for width, is_dark, media in [(1280, False, ""), (400, False, ""), (1280, True, ""), (1000, False, "print")]:
                browser.open(address, width, is_dark, media)
                wide = browser.run("document.documentElement.scrollWidth")
                check(wide <= width or media, f"{page}: {wide} pixels wide in a window of {width}")
                if options.screenshots:
                    os.makedirs(options.screenshots, exist_ok=True)
                    kind = media or ("dark" if is_dark else "light")
                    browser.screenshot(f"{options.screenshots}/{name}-{width}-{kind}.png")
                check_quiet(browser, address)
            if options.screenshots:
                browser.pdf(f"{options.screenshots}/{name}.pdf")
            done = []
            for width in (1280, 400):
                browser.open(address, width)
                figures = json.loads(browser.run("document.getElementById('figures').textContent"))
                if figures.get("classification"):
                    check_matrix(browser, figures)
                    done.append("matrix")
                if figures["kind"] == "sweep" and figures.get("trials"):
                    check_brush(browser, figures)
                    done.append("brush")
                if options.screenshots:
                    browser.screenshot(f"{options.screenshots}/{name}-{width}-used.png")
                check_quiet(browser, address)
                browser.open(address, width)
                done.append(f"{check_tabs(browser)} stops of the tab key")
                check_quiet(browser, address)
            print(f"{page}: {', '.join(done)}")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
