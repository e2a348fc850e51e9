"""Keeps web pages away from the control endpoints: any page may send requests to localhost."""

from urllib.parse import urlsplit

from starlette.requests import Request

_NOT_A_PAGE = ("", "same-origin", "none")
"""Values of `Sec-Fetch-Site` of programs, of pages of the simulator itself, and of typed
addresses."""


def objection(request: Request) -> str:
    """Why a control request is refused; empty if it is accepted.

    A form cannot send JSON, browsers say where a request comes from, and programs do not.
    """
    headers = request.headers
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        return "this request comes from a web page of another site"
    if headers.get("sec-fetch-site", "") not in _NOT_A_PAGE:
        return "this request comes from a web page of another site"
    content = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and content != "application/json":
        return "send the faults as JSON, with the header Content-Type: application/json"
    return ""
