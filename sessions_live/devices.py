"""What a browser says that it is, in the words that its owner would use."""

from __future__ import annotations

from dataclasses import dataclass

import ua_parser

from sessions_live.models import UNKNOWN, DeviceType

BROWSERS = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "HeadlessChrome": "Chrome",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari",
    "Opera Mobile": "Opera",
}
SYSTEMS = {"Mac OS X": "macOS"}
POCKET_SYSTEMS = ("iOS", "Android", "KaiOS", "Windows Phone", "BlackBerry OS")


@dataclass(frozen=True, slots=True)
class Device:
    type: DeviceType
    browser: str
    os: str


def recognise(user_agent: str) -> Device:
    seen = ua_parser.parse(user_agent)
    browser = seen.user_agent.family if seen.user_agent else UNKNOWN
    system = seen.os.family if seen.os else UNKNOWN
    family, brand, model = (
        (seen.device.family, seen.device.brand or "", seen.device.model or "")
        if seen.device
        else ("", "", "")
    )
    return Device(
        type=_type(user_agent, system=system, family=family, device=f"{brand} {model}"),
        browser=BROWSERS.get(browser, browser)[:60],
        os=("iPadOS" if family == "iPad" else SYSTEMS.get(system, system))[:60],
    )


def _type(user_agent: str, *, system: str, family: str, device: str) -> DeviceType:
    if family == "Spider":
        return DeviceType.BOT
    if family == "iPad" or "Tablet" in device or "Tablet" in user_agent:
        return DeviceType.TABLET
    if system == "Android":
        # Android's own rule: a telephone says "Mobile", a tablet does not.
        return DeviceType.MOBILE if "Mobile" in user_agent else DeviceType.TABLET
    return DeviceType.MOBILE if system in POCKET_SYSTEMS else DeviceType.DESKTOP
