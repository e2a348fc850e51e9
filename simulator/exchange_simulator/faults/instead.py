"""Answers that take the place of the face's."""

from starlette.responses import HTMLResponse, Response

from exchange_simulator.face import Face
from exchange_simulator.faults.grammar import Fault

PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


def another_answer(fault: Fault, face: Face, now: int) -> Response:
    """`now`: the exchange's time, in milliseconds."""
    match fault.kind:
        case "html":
            return HTMLResponse(PAGE.format("Just a moment..."))
        case "empty-body":
            return Response(b"", media_type="application/json")
        case "status":
            return HTMLResponse(PAGE.format(fault.value), int(fault.value))
        case "retcode":
            return face.refusal(int(fault.value), now)
        case "throttled":
            response = face.troubles.throttled(now, int(fault.value or 0))
            if fault.value:
                response.headers["Retry-After"] = fault.value
            return response
        case "banned":
            return face.troubles.banned(now, int(fault.value))
        case "busy":
            return face.troubles.busy(now, 0)
        case "maintenance":
            return face.troubles.maintenance(now, 0)
        case _:
            raise AssertionError(f"nobody knows what to answer for {fault.text}")
