"""Loads the live page in chromium as a person would, and checks what is there: browser.py URL NAME FOLDER"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

PATIENCE = 60


class Refused(Exception):
    """The browser could not do what it was asked for."""


class Browser:
    """A headless chromium, spoken to by its debugging protocol."""

    def __init__(self, home):
        command = ["chromium", "--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={home}"]
        # Its sandbox cannot be had as root; it is shown pages of ours only.
        command += ["--no-sandbox"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(command + ["about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.number, self.events = 0, []
        port_file = os.path.join(home, "DevToolsActivePort")
        until = time.monotonic() + PATIENCE
        while not (os.path.exists(port_file) and open(port_file).read().strip()):
            assert time.monotonic() < until and self.process.poll() is None, "chromium does not start"
            time.sleep(0.05)
        port = open(port_file).read().split()[0]
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list"))
        page = next(page for page in pages if page["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], suppress_origin=True, timeout=PATIENCE)
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"]:
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    raise Refused(method, message["error"])
                return message["result"]
            self.events.append(message)

    def load(self, url):
        self.events = []
        self.ask("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def evaluate(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, (expression, result)
        return result["result"].get("value")

    def text(self):
        """The document as it is in the browser, without the mark-up."""
        while True:
            root = self.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
            try:
                html = self.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"]
                break
            except Refused:  # another page came in between
                time.sleep(0.1)
        html = re.sub(r"(?s)<style>.*?</style>", "", html)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))

    def complaints(self):
        """What the console would show a person."""
        told = [event["params"] for event in self.events if event["method"] in
                ("Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
        return told + [event["params"]["entry"] for event in self.events if event["method"] == "Log.entryAdded"]

    def requests(self):
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent]

    def picture(self, path):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def end(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


def overview(url, engines):
    """The numbers as JSON, once the archives were read."""
    until = time.monotonic() + PATIENCE
    while True:
        told = json.load(urllib.request.urlopen(f"{url}/overview.json"))
        if len(told["books"]) == engines:
            return told
        assert time.monotonic() < until, told
        time.sleep(0.1)


def shown(amount):
    """An amount as people are shown it: four decimal places, cut off."""
    whole, _, rest = amount.lstrip("-").partition(".")
    sign = "-" if amount.startswith("-") else "+"
    return f"{sign}{int(whole):,}.{(rest + '0000')[:4]}".replace(",", " ")


def main(url, name, folder):
    several = name == "two"
    told = overview(url, 3 if several else 1)
    totals = told["sum"] if several else told["books"][0]["totals"]
    expected = [told["engine"]["rules"]["generation"], "takes bounties", f"{totals['won']} won, {totals['lost']} lost"]
    expected += [row["kind"] for row in told["books"][0]["kinds"][:3]]
    expected += [answer["id"] for answer in told["books"][0]["answers"][:3]]
    expected += ["all together", "cannot be read"] if several else []
    assert totals["bounties"] == (80 if several else 40) and totals["settled"] > 0, totals
    passed, colours = 0, set()
    with tempfile.TemporaryDirectory() as home:
        browser = Browser(home)
        try:
            for width, scripts, theme in [(1280, True, "light"), (1280, False, "dark"), (390, True, "dark"), (390, False, "light")]:
                phone = width == 390
                browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=phone)
                browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
                browser.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
                browser.load(f"{url}/?refresh=off")
                what = f"{name}, {width} px, {'with' if scripts else 'without'} scripts, {theme}"
                text = browser.text()
                for part in expected:
                    assert part in text, f"{what}: {part!r} is not there: {text[:2000]}"
                profit = [text[at:at + 40] for at in [text.find(" profit ")]][0]
                digits = lambda amount: re.sub(r"[^0-9.+-]", "", amount.replace("−", "-"))
                assert digits(shown(totals["profit"])) in digits(profit), f"{what}: {totals['profit']} is not in {profit!r}"
                assert not browser.complaints(), f"{what}: {browser.complaints()}"
                strangers = [one for one in browser.requests() if not one.startswith((url + "/", "data:"))]
                assert not strangers, f"{what}: {strangers}"
                size = browser.ask("Page.getLayoutMetrics")["cssContentSize"]
                assert size["width"] <= width, f"{what}: the page is {size['width']} px wide"
                browser.picture(os.path.join(folder, f"{name}-{width}-{theme}.png"))
                if scripts:
                    assert browser.evaluate("document.documentElement.scrollWidth") <= width, what
                    colours.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
                passed += 1
            assert len(colours) == 2, f"light and dark look alike, or the policy forbids our style: {colours}"
            browser.ask("Emulation.setScriptExecutionDisabled", value=False)
            first = told["books"][0]["answers"][0]["id"]
            browser.load(f"{url}/?refresh=off")
            browser.evaluate("document.querySelector('#last-answers article a').click()")
            until = time.monotonic() + PATIENCE
            while f"bounty {first}" not in browser.text():
                assert time.monotonic() < until, browser.text()[:500]
                time.sleep(0.1)
            assert not browser.complaints(), browser.complaints()
            browser.picture(os.path.join(folder, f"{name}-bounty.png"))
            passed += 1
            # What got in by a mistake of ours neither runs nor loads.
            browser.load(f"{url}/?refresh=off")
            browser.evaluate("""
                for (const [tag, text] of [["script", "window.ran = 1"], ["style", "body { display: none }"]])
                    document.body.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
                document.body.insertAdjacentHTML("beforeend", "<img src=http://127.0.0.1:1/x onerror='window.ran = 1'>");
            """)
            time.sleep(0.5)
            assert browser.evaluate("window.ran === undefined && getComputedStyle(document.body).display !== 'none'")
            blocked = [one for one in browser.complaints() if "Content Security Policy" in json.dumps(one)]
            assert len(blocked) >= 3, browser.complaints()
            passed += 1
            # A page that loads itself anew does.
            browser.load(f"{url}/")
            loads = lambda: sum(event["method"] == "Page.loadEventFired" for event in browser.events)
            until = time.monotonic() + PATIENCE
            while loads() < 2:
                assert time.monotonic() < until, "the page is not loaded anew"
                browser.evaluate("1")
                time.sleep(0.2)
            passed += 1
        finally:
            browser.end()
    print(f"test result: ok. {passed} passed; 0 failed; 0 ignored (the live page in a browser, {name})")


main(*sys.argv[1:4])
