#!/usr/bin/env python3
"""Opens a report in headless Chromium, fails on any error it reports, and keeps pictures.

usage: screenshot.py REPORT.html [PICTURES]
       screenshot.py --make PROGRAM WEEK.jsonl [PICTURES]   # PROGRAM WEEK.jsonl FOLDER writes report.html

Checks: no exception, no console error, no refused style or script, no request but the file itself,
nothing wider than the page on a phone, the filter works, and the page is whole without script.
Saves phone and desktop pictures, light and dark, and the printed page. Exit 77: no Chromium here.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

DEADLINE = 60  # seconds for any one answer


class Browser:
    """DevTools over a pipe: messages end in NUL."""

    def __init__(self, program, profile):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def place_pipes():
            os.dup2(to_read, 13)
            os.dup2(to_write, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        arguments = [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                     "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--hide-scrollbars",
                     "--disable-background-networking", "--disable-component-update",
                     f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(arguments, preexec_fn=place_pipes, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.number = 0
        self.events = []
        self.session = None

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise RuntimeError("the browser went away")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)
        raise RuntimeError(f"{method}: no answer in {DEADLINE} s")

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, url):
        self.call("Page.navigate", url=url)
        end = time.monotonic() + DEADLINE
        while self.evaluate("document.readyState + location.href") != "complete" + url:
            if time.monotonic() > end:
                raise RuntimeError("the page did not load")
            time.sleep(0.05)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def faults(self, url):
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                yield "exception: " + json.dumps(parameters["exceptionDetails"])[:400]
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                yield "console: " + json.dumps(parameters["args"])[:400]
            elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                yield "log: " + parameters["entry"]["text"]
            elif method == "Page.javascriptDialogOpening":
                yield "dialog: " + parameters["message"]
            elif method == "Network.requestWillBeSent":
                asked = parameters["request"]["url"]
                if asked.split("#")[0] != url and not asked.startswith(("data:", "about:")):
                    yield "request: " + asked

    def close(self):
        self.process.terminate()
        self.process.wait(20)


def shoot(browser, pictures, name, width, height, phone, dark, whole):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
    browser.call("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    options = {"format": "png", "captureBeyondViewport": whole}
    if whole:
        options["clip"] = {"x": 0, "y": 0, "width": width, "height": min(size["height"], 3600), "scale": 1}
    picture = browser.call("Page.captureScreenshot", **options)
    with open(os.path.join(pictures, name), "wb") as file:
        file.write(base64.b64decode(picture["data"]))
    wide = browser.evaluate("document.documentElement.scrollWidth")
    return [f"{name}: the page is {wide} wide in a window of {width}"] if wide > width else []


def check_page(browser, url, pictures):
    browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    browser.open(url)
    faults = []
    faults += shoot(browser, pictures, "desktop.png", 1280, 900, False, False, True)
    faults += shoot(browser, pictures, "desktop-dark.png", 1280, 900, False, True, False)
    faults += shoot(browser, pictures, "phone.png", 390, 844, True, False, True)
    faults += shoot(browser, pictures, "phone-dark.png", 390, 844, True, True, False)
    browser.call("Emulation.clearDeviceMetricsOverride")
    printed = browser.call("Page.printToPDF", preferCSSPageSize=True)
    with open(os.path.join(pictures, "print.pdf"), "wb") as file:
        file.write(base64.b64decode(printed["data"]))
    if not browser.evaluate("document.querySelector('h1').textContent.length > 0"):
        faults.append("the page has no heading")
    stories = browser.evaluate("document.querySelectorAll('.story').length")
    if stories:
        left = browser.evaluate("(function () { var f = document.getElementById('filter'); f.value = 'zzzz'; "
                                "f.dispatchEvent(new Event('input')); "
                                "var n = document.querySelectorAll('.story:not([hidden])').length; f.value = ''; "
                                "f.dispatchEvent(new Event('input')); return n; })()")
        if left != 0:
            faults.append(f"the filter left {left} of {stories} stories")
    broken = browser.evaluate("Array.from(document.querySelectorAll('a[href^=\"#\"]')).filter("
                              "function (a) { return !document.getElementById(a.getAttribute('href').slice(1)); }).length")
    if broken:
        faults.append(f"{broken} links within the page lead nowhere")
    faults += list(browser.faults(url))
    browser.events = []
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    return faults + [f"without script: {fault}" for fault in browser.faults(url)], stories


def main():
    arguments = sys.argv[1:]
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not program:
        print("screenshot: no Chromium here, skipped")
        sys.exit(77)
    # The browser may still be writing its profile when it is told to go.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if arguments[0] == "--make":
            subprocess.run([arguments[1], arguments[2], folder], check=True, stdout=subprocess.DEVNULL)
            report, rest = os.path.join(folder, "report.html"), arguments[3:]
        else:
            report, rest = arguments[0], arguments[1:]
        pictures = rest[0] if rest else folder
        os.makedirs(pictures, exist_ok=True)
        browser = Browser(program, os.path.join(folder, "profile"))
        try:
            browser.attach()
            faults, stories = check_page(browser, "file://" + os.path.abspath(report), pictures)
        finally:
            browser.close()
    for fault in faults:
        print("screenshot:", fault)
    print(f"screenshot: {stories} stories, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
